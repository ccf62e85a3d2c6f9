using IsVit.Core.Arithmetic;
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
    private readonly Tensor _images;
    private readonly Tensor _before;

    public FloatFunction(QuantizationContext context, Tensor images)
    {
        (_context, _images) = (context, images);
        _before = Output().DetachFromDisposeScope();
    }

    /// <summary>By how much the outputs have changed, relative to their size; null if by no more than rounding, or if they were no finite numbers before.</summary>
    public double? Change()
    {
        using var scope = NewDisposeScope();
        var change = ((Output() - _before).norm() / _before.norm().AtLeast(1e-30)).to(float64).item<double>();
        return !_before.isfinite().all().item<bool>() || change <= (_images.dtype is ScalarType.Float32 or ScalarType.Float64 ? Tolerance : HalfPrecisionTolerance) ? null : change;
    }

    public void Dispose() => _before.Dispose();

    private Tensor Output()
    {
        using var noGrad = no_grad();
        using var suspended = _context.Attachment.Suspend();
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(_context.Graph.Model.call(_images).to(float32));
    }
}
