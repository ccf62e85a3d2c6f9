using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Records every call of every module during one forward. What flowed is kept alive, so that no memory is seen twice.</summary>
internal sealed class CallRecorder : IDisposable
{
    private readonly object _gate = new();
    private readonly List<Action> _removals = [];
    private readonly List<Tensor> _kept = [];

    // What a module gave that roles come from, beside a copy: numbers that were changed in place have lost their role.
    private readonly Dictionary<TensorIdentity, (int Call, Tensor Given, Tensor Copy)> _produced = [];

    public List<ModuleCall> Calls { get; } = [];

    public void Attach(string path, nn.Module module)
    {
        switch (module)
        {
            case nn.Module<Tensor, Tensor> one:
                _removals.Add(one.register_forward_hook((_, input, output) =>
                {
                    Record(path, module, [input], output);
                    return null!;
                }).remove);
                break;
            case nn.Module<Tensor, Tensor, Tensor> two:
                _removals.Add(two.register_forward_hook((_, left, right, output) =>
                {
                    Record(path, module, [left, right], output);
                    return null!;
                }).remove);
                break;
        }
    }

    public TensorIdentity Keep(Tensor tensor)
    {
        _kept.Add(tensor.alias().DetachFromDisposeScope());
        return TensorIdentity.Of(tensor);
    }

    public void Dispose()
    {
        _removals.ForEach(static remove => remove());
        _removals.Clear();
        _kept.ForEach(static tensor => tensor.Dispose());
        _kept.Clear();
        _produced.Clear();
    }

    // A model may run parts of itself on other threads.
    private void Record(string path, nn.Module module, Tensor[] inputs, Tensor output)
    {
        lock (_gate)
        {
            var identities = Array.ConvertAll(inputs, Keep);
            var sources = Array.ConvertAll(identities, Source);
            var given = Keep(output);
            Calls.Add(new ModuleCall(
                path,
                module,
                identities,
                sources,
                given,
                inputs[0].shape,
                output.shape,
                (inputs[0].numel() * inputs[0].element_size()) + (output.numel() * output.element_size())));
            if (module is LayerNorm or Softmax or GELU)
            {
                var copy = output.clone().DetachFromDisposeScope();
                _produced[given] = (Calls.Count - 1, _kept[^1], copy);
                _kept.Add(copy);
            }
        }
    }

    private int Source(TensorIdentity input) => _produced.TryGetValue(input, out var produced) && Same(produced.Given, produced.Copy) ? produced.Call : -1;

    private static bool Same(Tensor now, Tensor then)
    {
        using var same = now.eq(then);
        using var all = same.all();
        return all.item<bool>();
    }
}
