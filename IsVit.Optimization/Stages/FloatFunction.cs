using IsVit.Core.Arithmetic;
using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>What the float model gives for some images, to see whether a change of its parameters that should cancel does.</summary>
/// <remarks>
/// The quantized function is no measure of that: one code that rounding flips, in one activation out of a million, moves the codes of the layers behind it, and so on through the network.
/// </remarks>
internal sealed class FloatFunction : IDisposable
{
    private const double Tolerance = 1e-3;
    private const double HalfPrecisionTolerance = 0.05;
    private readonly QuantizationContext _context;
    private readonly SampleBatch _samples;
    private readonly IReadOnlyList<Tensor> _before;
    private readonly double _tolerance;

    public FloatFunction(QuantizationContext context, SampleBatch samples)
    {
        (_context, _samples) = (context, samples);
        var outputs = Outputs();
        _tolerance = outputs.All(static output => output.dtype is ScalarType.Float32 or ScalarType.Float64) ? Tolerance : HalfPrecisionTolerance;
        _before = [.. outputs.Select(static output => output.DetachFromDisposeScope())];
    }

    /// <summary>By how much the outputs have changed, relative to their size; null if by no more than rounding, or if they were no finite numbers before.</summary>
    public double? Change()
    {
        using var scope = NewDisposeScope();
        var change = Outputs().Zip(_before, static (now, before) => ((now - before).to(float32).norm() / before.to(float32).norm().AtLeast(1e-30)).to(float64).item<double>()).Max();
        return !_before.All(static before => before.isfinite().all().item<bool>()) || change <= _tolerance ? null : change;
    }

    public void Dispose()
    {
        foreach (var before in _before)
        {
            before.Dispose();
        }
    }

    // Indices that are chosen by the numbers may flip.
    private List<Tensor> Outputs()
    {
        using var suspended = _context.Attachment.Suspend();
        return [.. _context.Graph.Forward.Predict(_samples).Where(static output => is_floating_point(output))];
    }
}
