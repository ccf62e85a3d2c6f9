using IsVit.Core.Arithmetic;
using IsVit.Optimization.Calibration;
using static TorchSharp.torch;

namespace IsVit.Optimization.ValueNormalization;

/// <summary>Mean and size of each channel of what a linear layer reads.</summary>
/// <param name="layer">The layer.</param>
/// <param name="vectorWeights">How much each vector of one image counts; null if all count alike.</param>
internal sealed class ChannelSpread(nn.Module<Tensor, Tensor> layer, Tensor? vectorWeights) : LayerObserver(layer), IDisposable
{
    private readonly RunningSum _weights = new();
    private readonly RunningSum _sums = new();
    private readonly RunningSum _squares = new();

    /// <summary>Each channel's mean, and its standard deviation as a multiple of the channels' mean one; 1 for a channel that does not vary. float64, on the CPU.</summary>
    public (Tensor Means, Tensor Sizes) MeansAndSizes()
    {
        using var scope = NewDisposeScope();
        var means = _sums.Value! / _weights.Value!;
        var deviations = ((_squares.Value! / _weights.Value!) - means.Squared()).AtLeast(0).sqrt();
        var sizes = deviations / deviations.mean();
        return scope.MoveToOuter(means.cpu(), where(sizes.gt(zeros_like(sizes)).logical_and(sizes.isfinite()), sizes, ones_like(sizes)).cpu());
    }

    protected override void See(Tensor input, Tensor output)
    {
        using var scope = NewDisposeScope();
        var rows = input.detach().reshape(-1, input.shape[^1]).to(float64);
        var weights = VectorWeights.Of(vectorWeights, rows).to(float64);
        _weights.Add(weights.sum());
        _sums.Add((rows * weights).sum(0L));
        _squares.Add((rows.Squared() * weights).sum(0L));
    }

    public void Dispose()
    {
        _weights.Dispose();
        _sums.Dispose();
        _squares.Dispose();
    }
}
