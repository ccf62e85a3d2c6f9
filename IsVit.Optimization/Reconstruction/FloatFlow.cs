using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization.Stages;

namespace IsVit.Optimization.Reconstruction;

/// <summary>The float model's activations, unit by unit, while the model itself is being quantized.</summary>
internal sealed class FloatFlow : IDisposable
{
    private readonly QuantizationContext _context;
    private readonly UnitFlow _flow;
    private readonly Dictionary<string, int> _unitOf = new(StringComparer.Ordinal);
    private int _next;

    public FloatFlow(QuantizationContext context, IReadOnlyList<SampleBatch> batches, IActivationStore? store = null)
    {
        _context = context;
        _flow = new UnitFlow(context.Attachment, batches, store);
        var units = context.Graph.Units.Select(static (unit, index) => (unit.Path, index)).ToDictionary(static entry => entry.Path, static entry => entry.index, StringComparer.Ordinal);
        foreach (var (name, _) in context.Graph.Model.named_parameters())
        {
            _unitOf[name] = UnitOf(name, units);
        }
    }

    /// <summary>Makes the model the float one as far as a unit, from where the stream stands, until the returned scope is disposed.</summary>
    public IDisposable InFloat(int index) => new FloatScope(this, index);

    /// <summary>Goes on to a unit's input, in float.</summary>
    /// <returns>What flows in for each batch, valid until the next call; behind the unit as well, whose forward still holds its input.</returns>
    public IReadOnlyList<PackedTensors> AdvanceToInput(int index)
    {
        using var inFloat = InFloat(index);
        var inputs = _flow.AdvanceToInput(_context.Graph.Units[index], _context.CancellationToken);
        _next = index;
        return inputs;
    }

    /// <summary>Goes on to a unit's output, in float.</summary>
    /// <returns>The unit's inputs and outputs for each batch, valid until the next call.</returns>
    public (IReadOnlyList<PackedTensors> Inputs, IReadOnlyList<PackedTensors> Outputs) AdvanceThrough(int index)
    {
        using var inFloat = InFloat(index);
        var activations = _flow.AdvanceThrough(_context.Graph.Units[index], _context.CancellationToken);
        _next = index + 1;
        return activations;
    }

    public void Dispose() => _flow.Dispose();

    // The number of the unit that a parameter belongs to, -1 if it belongs to none.
    private static int UnitOf(string name, Dictionary<string, int> units)
    {
        for (var end = name.LastIndexOf('.'); end > 0; end = name.LastIndexOf('.', end - 1))
        {
            if (units.TryGetValue(name[..end], out var index))
            {
                return index;
            }
        }

        return units.GetValueOrDefault("", -1);
    }

    private sealed class FloatScope : IDisposable
    {
        private readonly IDisposable _suspended;
        private readonly IDisposable _original;

        public FloatScope(FloatFlow flow, int index)
        {
            var (first, owners) = (flow._next, flow._unitOf);
            _suspended = flow._context.Attachment.Suspend();

            // Only what runs from here to there needs its float parameters: to copy all of them for every unit would be quadratic in the depth.
            _original = flow._context.FloatParameters.Use(name => owners[name] is var owner && (owner < 0 || (owner >= first && owner <= index)));
        }

        public void Dispose()
        {
            _original.Dispose();
            _suspended.Dispose();
        }
    }
}
