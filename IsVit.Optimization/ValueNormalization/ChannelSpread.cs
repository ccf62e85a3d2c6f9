using IsVit.Core.Arithmetic;
using IsVit.Optimization.Observation;
using static TorchSharp.torch;

namespace IsVit.Optimization.ValueNormalization;

/// <summary>Mean and standard deviation of each channel of what a linear layer reads or gives.</summary>
/// <param name="layer">The layer.</param>
/// <param name="outputs">Which of the channels that it gives, in this order; null for all that it reads.</param>
/// <param name="vectorWeights">How much each vector of one image counts; null if all count alike.</param>
internal sealed class ChannelSpread(nn.Module<Tensor, Tensor> layer, long[]? outputs, Tensor? vectorWeights) : LayerObserver(layer), IDisposable
{
    private readonly RunningSum _weights = new();
    private readonly RunningSum _sums = new();
    private readonly RunningSum _squares = new();

    /// <summary>Each channel's mean and standard deviation; float64, on the CPU.</summary>
    public (Tensor Means, Tensor Deviations) MeansAndDeviations()
    {
        using var scope = NewDisposeScope();
        var means = _sums.Value! / _weights.Value!;
        var deviations = ((_squares.Value! / _weights.Value!) - means.Squared()).AtLeast(0).sqrt();
        return scope.MoveToOuter(means.cpu(), deviations.cpu());
    }

    protected override void See(Tensor input, Tensor output)
    {
        using var scope = NewDisposeScope();
        var channels = outputs is null ? input.detach() : output.detach().index_select(-1, tensor(outputs, device: output.device));
        var rows = channels.reshape(-1, channels.shape[^1]).to(float64);
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
