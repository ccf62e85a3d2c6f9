using IsVit.Optimization.Calibration;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.WeightCompensation;

/// <summary>Weighted first and second moments of the vectors that a layer multiplies with its weight, over several forwards, in float64.</summary>
/// <param name="layer">The layer.</param>
/// <param name="vectorWeights">How much each vector of an image counts; null if all count alike.</param>
internal sealed class InputMoments(nn.Module<Tensor, Tensor> layer, Tensor? vectorWeights = null) : LayerObserver(layer), IDisposable
{
    // A number near the mean, taken off every vector: what is left keeps its digits where the mean is large and the differences are small.
    private Tensor? _shift;
    private Tensor? _sum;
    private Tensor? _products;
    private double _weight;
    private double _squaredWeight;

    /// <summary>How many vectors of equal weight would tell as much as those that were seen (Kish's effective sample size).</summary>
    public double Count => _weight * _weight / _squaredWeight;

    /// <summary>Whether a layer's product is a matrix product with vectors that can be had: a linear layer, or an ungrouped 2-D convolution that pads with zeros.</summary>
    public static bool Serves(nn.Module layer) => layer is Linear or Conv2d { groups: 1, padding_mode: PaddingModes.Zeros, padding_type: null or Padding.Valid };

    /// <summary>The mean product of every two inputs, [inputs, inputs].</summary>
    /// <param name="centred">Whether around the means: what a bias makes up for then does not count.</param>
    public Tensor Products(bool centred)
    {
        using var scope = NewDisposeScope();
        var mean = _sum! / _weight;
        var products = (_products! / _weight) - outer(mean, mean);
        if (!centred)
        {
            mean = mean + _shift!;
            products = products + outer(mean, mean);
        }

        return scope.MoveToOuter(products);
    }

    public void Dispose()
    {
        _shift?.Dispose();
        _sum?.Dispose();
        _products?.Dispose();
    }

    protected override void See(Tensor input, Tensor output)
    {
        using var scope = NewDisposeScope();
        var vectors = Vectors(input.detach());
        var weights = VectorWeights.Of(vectorWeights, vectors);
        _shift ??= ((vectors * weights).sum(0L) / weights.sum()).DetachFromDisposeScope();
        vectors = vectors - _shift;
        var weighted = vectors * weights;
        var sum = weighted.sum(0L, type: float64);
        var products = weighted.transpose(0, 1).matmul(vectors).to(float64);
        _weight += weights.sum().to(float64).item<double>();
        _squaredWeight += weights.pow(2).sum().to(float64).item<double>();
        if (_sum is null)
        {
            _sum = sum.DetachFromDisposeScope();
            _products = products.DetachFromDisposeScope();
        }
        else
        {
            _sum.add_(sum);
            _products!.add_(products);
        }
    }

    private Tensor Vectors(Tensor input)
    {
        if (Layer is not Conv2d convolution)
        {
            return input.reshape(-1, input.shape[^1]);
        }

        static (long, long) Pair(long[]? values) => values is null ? (0, 0) : (values[0], values[^1]);
        return nn.functional
            .unfold(input, Pair(convolution.kernel_size), Pair(convolution.dilation), Pair(convolution.padding), Pair(convolution.stride))
            .transpose(1, 2)
            .flatten(0, 1);
    }
}
