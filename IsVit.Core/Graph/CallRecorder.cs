using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Records every call of every module during one forward. What flowed is kept alive, so that no memory is seen twice.</summary>
internal sealed class CallRecorder : IDisposable
{
    private readonly List<Action> _removals = [];
    private readonly List<Tensor> _kept = [];

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

    public void Dispose()
    {
        _removals.ForEach(static remove => remove());
        _removals.Clear();
        _kept.ForEach(static tensor => tensor.Dispose());
        _kept.Clear();
    }

    private void Record(string path, nn.Module module, IReadOnlyList<Tensor> inputs, Tensor output) => Calls.Add(new ModuleCall(
        path,
        module,
        [.. inputs.Select(Keep)],
        Keep(output),
        inputs[0].shape,
        output.shape,
        inputs[0].numel() * inputs[0].element_size(),
        output.numel() * output.element_size()));

    public TensorIdentity Keep(Tensor tensor)
    {
        _kept.Add(tensor.alias().DetachFromDisposeScope());
        return TensorIdentity.Of(tensor);
    }
}
