using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>A module graph that a test wires up in one line: named modules and the code that runs them.</summary>
internal sealed class Wired : nn.Module<Tensor, Tensor>
{
    private readonly Dictionary<string, nn.Module> _parts = new(StringComparer.Ordinal);
    private readonly Func<Wired, Tensor, Tensor> _forward;

    public Wired(Func<Wired, Tensor, Tensor> forward, params (string Name, nn.Module Module)[] parts)
        : base(nameof(Wired))
    {
        _forward = forward;
        foreach (var (name, module) in parts)
        {
            _parts.Add(name, module);
            register_module(name, module);
        }
    }

    public T Part<T>(string name)
        where T : nn.Module => (T)_parts[name];

    public Tensor Call(string name, Tensor x) => ((nn.Module<Tensor, Tensor>)_parts[name]).call(x);

    public Tensor Call(string name, Tensor left, Tensor right) => ((nn.Module<Tensor, Tensor, Tensor>)_parts[name]).call(left, right);

    public override Tensor forward(Tensor input) => _forward(this, input);
}
