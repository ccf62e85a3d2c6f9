using IsVit.Core.Arithmetic;
using IsVit.Core.Quantization;
using static TorchSharp.torch;

namespace IsVit.Optimization.Compensation;

/// <summary>Weights that make wanted outputs of given inputs with the least squared error, drawn towards the weights that are there.</summary>
internal static class RidgeRegression
{
    /// <param name="weight">The weights that are there, [outputs, ...]; all axes but the first are inputs.</param>
    /// <param name="products">The mean product of every two inputs, float64, [inputs, inputs].</param>
    /// <param name="wanted">The mean product of every input with every wanted output, float64, [inputs, outputs].</param>
    /// <param name="ridge">The share of the inputs' mean variance that every input's variance is raised by.</param>
    /// <param name="path">The layer's, for the error.</param>
    /// <returns>Same shape and type as <paramref name="weight"/>.</returns>
    /// <exception cref="QuantizationException">A wanted output is a NaN or an infinity.</exception>
    public static Tensor Fit(Tensor weight, Tensor products, Tensor wanted, double ridge, string path)
    {
        using var scope = NewDisposeScope();
        var matrix = weight.detach().flatten(1).to(float64);
        var inputs = matrix.shape[1];
        var damping = products.diagonal().mean().Times(ridge);
        var target = wanted.Plus(matrix.transpose(0, 1) * damping);
        return target.isfinite().all().item<bool>()
            ? scope.MoveToOuter(linalg.solve(products.Plus(diag(damping.expand(inputs))), target).transpose(0, 1).to(weight.dtype).view(weight.shape))
            : throw new QuantizationException($"Layer '{path}' gave a NaN or an infinity as output; expected finite numbers.");
    }
}
