using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Optimization.Observation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.LeastSquares;

/// <summary>Moments of the vectors that a layer multiplies with its weight, and of what it makes of them, over several forwards.</summary>
/// <param name="layer">The layer.</param>
/// <param name="vectorWeights">How much each vector of an image counts; null if all count alike.</param>
/// <param name="quantizer">What the layer's inputs go through first, while what it makes of them stays what it is; null to leave them, and the outputs out of account.</param>
internal sealed class LayerMoments(nn.Module<Tensor, Tensor> layer, Tensor? vectorWeights = null, IQuantizer? quantizer = null) : LayerObserver(layer), IDisposable
{
    // Relative to the mean square; below it are the rounding errors of constants.
    private const double SmallestVariance = 1e-10;

    private readonly WeightedMoments _inputs = new();
    private readonly WeightedMoments _outputs = new();

    /// <summary>Of the inputs with themselves.</summary>
    public WeightedMoments Inputs => _inputs;

    /// <summary>Of the quantized inputs with the outputs.</summary>
    public WeightedMoments Outputs => _outputs;

    /// <summary>Whether a layer's product is a matrix product with vectors that can be had: a linear layer, or an ungrouped 2-D convolution that pads with zeros.</summary>
    public static bool Supports(nn.Module layer) => layer is Linear or Conv2d { groups: 1, padding_mode: PaddingModes.Zeros, padding_type: null or Padding.Valid };

    /// <summary>The mean product of every two inputs; null if the inputs never change, which tells nothing of how weights should make up for each other.</summary>
    /// <param name="path">The layer's.</param>
    /// <param name="centred">Whether around the means: what a bias makes up for then does not count.</param>
    /// <exception cref="QuantizationException">An input was a NaN or an infinity.</exception>
    public Tensor? Products(string path, bool centred)
    {
        using var scope = NewDisposeScope();
        var products = _inputs.Products(centred);
        var largest = products.diagonal().max().item<double>();
        return !double.IsFinite(largest)
            ? throw new QuantizationException($"Layer '{path}' got a NaN or an infinity as input; expected finite numbers.")
            : largest > SmallestVariance * _inputs.Products(centred: false).diagonal().max().item<double>() ? scope.MoveToOuter(products) : null;
    }

    public void Dispose()
    {
        _inputs.Dispose();
        _outputs.Dispose();
    }

    protected override void See(Tensor input, Tensor output)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var vectors = Vectors(quantizer is null ? input.detach() : quantizer.FakeQuantize(input.detach()));
        var weights = VectorWeights.Of(vectorWeights, vectors);
        _inputs.Add(vectors, vectors, weights);
        if (quantizer is not null)
        {
            _outputs.Add(vectors, VectorWeights.Rows(Layer, output.detach()), weights);
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
