using IsVit.Core.Arithmetic;
using IsVit.Optimization.Observation;
using static TorchSharp.torch;

namespace IsVit.Optimization.BiasCorrection;

/// <summary>The weighted means of a layer's output channels over several forwards.</summary>
/// <param name="module">The layer.</param>
/// <param name="vectorWeights">How much each vector of an image counts; null if all count alike.</param>
internal sealed class ChannelMeans(nn.Module<Tensor, Tensor> module, Tensor? vectorWeights) : LayerObserver(module), IDisposable
{
    private readonly RunningSum _sum = new();
    private double _weight;

    /// <summary>The means in float64, [channels]; forgets them.</summary>
    public Tensor Mean()
    {
        var mean = _sum.Value!.Over(_weight);
        _sum.Dispose();
        _weight = 0;
        return mean;
    }

    /// <summary>Takes in what the layer gave.</summary>
    public void Add(Tensor output)
    {
        using var scope = NewDisposeScope();
        var rows = VectorWeights.Rows(Layer, output.detach());
        var weights = VectorWeights.Of(vectorWeights, rows);
        _sum.Add((rows * weights).sum(0L, type: float64));
        _weight += weights.sum().to(float64).item<double>();
    }

    public void Dispose() => _sum.Dispose();

    protected override void See(Tensor input, Tensor output) => Add(output);
}
