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
        IReadOnlyList<Tensor>? See(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> outputs)
        {
            // A module that no tensor flows through has nothing to quantize or to reconstruct.
            if (inputs.Count > 0 && outputs.Count > 0)
            {
                Record(path, module, inputs, outputs);
            }

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
    private void Record(string path, nn.Module module, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> outputs)
    {
        lock (_gate)
        {
            List<SeenTensor> seen = [.. inputs.Select(See)];
            List<int> sources = [.. inputs.Select((input, i) => Source(seen[i].Identity, input))];
            List<SeenTensor> given = [.. outputs.Select(See)];
            Calls.Add(new ModuleCall(path, module, seen, given, sources));
            if (module is LayerNorm or Softmax or GELU)
            {
                _produced.Add(new ProducedTensor(Calls.Count - 1, given[0].Identity, _kept[^1], module is LayerNorm));
            }
        }
    }

    private SeenTensor See(Tensor tensor) => new(Keep(tensor), tensor.shape, tensor.numel() * tensor.element_size());

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
