using IsVit.Core.Graph;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>The float model's activations, unit by unit, while the model itself is being quantized.</summary>
internal sealed class FloatFlow : IDisposable
{
    private readonly QuantizationContext _context;
    private readonly UnitFlow _flow;
    private readonly Dictionary<string, int> _unitOf = new(StringComparer.Ordinal);
    private int _next;

    public FloatFlow(QuantizationContext context)
    {
        _context = context;
        _flow = new UnitFlow(context.Attachment, context.Batches);
        var units = context.Graph.Units.Select(static (unit, index) => (unit.Path, index)).ToDictionary(static entry => entry.Path, static entry => entry.index, StringComparer.Ordinal);
        foreach (var (name, _) in context.Graph.Model.named_parameters())
        {
            _unitOf[name] = UnitOf(name, units);
        }
    }

    /// <summary>Goes on to a unit's output, and halts at its input if that is asked for.</summary>
    /// <returns>One tensor a batch, valid until the next call: a forward that stands at a unit's output still holds the unit's input.</returns>
    public (IReadOnlyList<Tensor> Inputs, IReadOnlyList<Tensor> Outputs) Advance(int index, bool withInputs)
    {
        var unit = _context.Graph.Units[index];
        using var suspended = _context.Attachment.Suspend();

        // Only what runs from here to there needs its float parameters: to copy all of them for every unit would be quadratic in the depth.
        using var original = _context.FloatParameters.Use(name => _unitOf[name] is var owner && (owner < 0 || (owner >= _next && owner <= index)));
        var inputs = withInputs ? _flow.AdvanceToInput(unit, _context.CancellationToken) : [];
        var outputs = _flow.AdvanceToOutput(unit, _context.CancellationToken);
        _next = index + 1;
        return (inputs, outputs);
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
}
