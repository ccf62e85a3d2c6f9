using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Projections;
using TorchSharp;

namespace IsVit.Quantizers.Uniform;

/// <summary>Scales that are being trained, each as the logarithm of its ratio to where it began: it stays positive, and one learning rate serves large and small ones.</summary>
/// <remarks>
/// Gradients are LSQ's (Esser et al., arXiv 1902.08153, eq. 3): of x' = s (q - z), q being x / s rounded straight through, the derivative by s is q - z, less x / s for what is not clamped.
/// </remarks>
internal sealed class LearnedScales : ILearnedParameters
{
    private readonly float[] _initial;
    private readonly float[] _zeroPoint;
    private readonly int _maxCode;

    /// <param name="scales">The scales at the beginning, positive.</param>
    /// <param name="zeroPoint">The zero points, which stay.</param>
    /// <param name="maxCode">The largest code.</param>
    public LearnedScales(float[] scales, float[] zeroPoint, int maxCode)
    {
        (_initial, _zeroPoint, _maxCode) = (scales, zeroPoint, maxCode);
        Vector = torch.zeros([scales.Length], torch.ScalarType.Float32, requires_grad: true).DetachFromDisposeScope();
    }

    /// <summary>The natural logarithm of each scale's ratio to where it began.</summary>
    public torch.Tensor Vector { get; }

    /// <summary>The scales as they are now.</summary>
    public float[] Scales()
    {
        var scales = new float[_initial.Length];
        var logarithms = Vector.data<float>();
        for (var i = 0; i < scales.Length; i++)
        {
            scales[i] = _initial[i] * MathF.Exp(logarithms[i]);
        }

        return scales;
    }

    public (IProjection Projection, VectorGradient Gradient) Present()
    {
        var scales = Scales();
        var projection = new UniformProjection(scales, _zeroPoint, _maxCode);
        return (projection, (x, above, passed, axis) => axis < 0 ? OfTensor(new(scales[0], _zeroPoint[0]), x, above, passed) : OfChannels(projection, x, above, passed, axis));
    }

    public void Dispose() => Vector.Dispose();

    // By the logarithm of s it is the derivative by s, times s.
    private torch.Tensor OfTensor(UniformGrid grid, torch.Tensor x, torch.Tensor above, torch.Tensor passed)
    {
        using var scope = torch.NewDisposeScope();
        var (levels, thresholds) = (new double[_maxCode + 1], new double[_maxCode]);
        grid.Levels(levels);
        grid.Thresholds(thresholds);
        var sums = LevelSums.Of(x, above, Array.ConvertAll(thresholds, static threshold => (float)threshold));
        var total = -(passed * x).sum(torch.ScalarType.Float64).cpu().item<double>();
        for (var i = 0; i < sums.Length; i++)
        {
            total += sums[i] * levels[i];
        }

        return torch.tensor(new[] { (float)total }).MoveToOuterDisposeScope();
    }

    private static torch.Tensor OfChannels(UniformProjection projection, torch.Tensor x, torch.Tensor above, torch.Tensor passed, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var others = Enumerable.Range(0, (int)x.dim()).Where(i => i != axis).Select(static i => (long)i).ToArray();
        var value = WideProjection.Forward(projection, x, axis).mul_(above).sub_(passed * x);
        return (others.Length == 0 ? value : value.sum(others)).to(torch.ScalarType.Float32).cpu().MoveToOuterDisposeScope();
    }
}
