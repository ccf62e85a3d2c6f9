using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Records every call of every module during one forward. What flowed is kept alive, so that no memory is seen twice.</summary>
internal sealed class CallRecorder : IDisposable
{
    private readonly object _gate = new();
    private readonly List<Action> _removals = [];
    private readonly List<Tensor> _kept = [];

    // What modules gave that roles come from, the latest last.
    private readonly List<ProducedTensor> _produced = [];

    public List<ModuleCall> Calls { get; } = [];

    public void Attach(string path, nn.Module module)
    {
        Tensor? See(Tensor[] inputs, Tensor output)
        {
            Record(path, module, inputs, output);
            return null;
        }

        if (OutputHook.Add(module, See) is { } removal)
        {
            _removals.Add(removal);
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
        _produced.ForEach(static produced => produced.Dispose());
        _produced.Clear();
    }

    // A model may run parts of itself on other threads.
    private void Record(string path, nn.Module module, Tensor[] inputs, Tensor output)
    {
        lock (_gate)
        {
            var identities = Array.ConvertAll(inputs, Keep);
            var sources = inputs.Select((input, i) => Source(identities[i], input)).ToArray();
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
                _produced.Add(new ProducedTensor(Calls.Count - 1, given, _kept[^1], module is LayerNorm));
            }
        }
    }

    // Where the same numbers came twice, the memory tells, else the later one counts.
    private int Source(TensorIdentity input, Tensor value)
    {
        var same = _produced.FindLast(produced => produced.Identity == input);
        if (same is not null)
        {
            return same.IsUnchanged ? same.Call : -1;
        }

        return _produced.FindLast(produced => produced.IsRearrangedIn(value))?.Call ?? -1;
    }
}
