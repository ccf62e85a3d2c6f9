using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization.Stages;

namespace IsVit.Optimization.Reconstruction;

/// <summary>The float model's activations, unit by unit, while the model itself is being quantized.</summary>
internal sealed class FloatFlow : IDisposable
{
    private readonly QuantizationContext _context;
    private readonly UnitFlow _flow;
    private int _next;

    public FloatFlow(QuantizationContext context, IReadOnlyList<SampleBatch> batches, IActivationStore? store = null)
    {
        _context = context;
        _flow = new UnitFlow(context.Attachment, batches, store);
        Owners = new UnitOwners(context.Graph);
    }

    /// <summary>Which unit a parameter or a site belongs to.</summary>
    public UnitOwners Owners { get; }

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

    private sealed class FloatScope : IDisposable
    {
        private readonly IDisposable _suspended;
        private readonly IDisposable _original;

        public FloatScope(FloatFlow flow, int index)
        {
            var (first, owners) = (flow._next, flow.Owners);
            _suspended = flow._context.Attachment.Suspend();

            // Only what runs from here to there needs its float parameters: to copy all of them for every unit would be quadratic in the depth.
            _original = flow._context.FloatParameters.Use(name => owners.UnitOf(name) is var owner && (owner < 0 || (owner >= first && owner <= index)));
        }

        public void Dispose()
        {
            _original.Dispose();
            _suspended.Dispose();
        }
    }
}
