using System.Runtime.InteropServices;
using IsVit.Core.Arithmetic;
using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Optimization.LeastSquares;

/// <summary>
/// Rounds a layer's weights input by input, and after each lets the weights of the inputs not yet rounded make up for its error as well as they can: GPTQ (Frantar et
/// al., arXiv 2210.17323, section 3).
/// </summary>
internal static class GptqRounding
{
    // The share of the mean variance that every input's variance is raised by, as in GPTQ.
    private const double Damping = 0.01;
    private const int MostDampings = 6;
    private const double MoreDamping = 10;
    private const double LeastDamping = 1e-12;

    // The inputs whose updates of all that comes behind them are put off and made in one product.
    private const long BlockSize = 64;

    /// <summary>Whether a quantizer rounds every input's weights by themselves, so that they can be rounded one input after the other.</summary>
    public static bool Supports(IQuantizer quantizer, Tensor weight) =>
        quantizer.Granularity is not Granularity.PerChannel channel || channel.Resolve((int)weight.dim()) == 0;

    /// <summary>How much the squared error of each weight counts as long as no other makes up for it: the variance of its input, damped as in <see cref="Apply"/>.</summary>
    /// <param name="weight">As for <see cref="Apply"/>.</param>
    /// <param name="products">As for <see cref="Apply"/>.</param>
    /// <param name="count">As for <see cref="Apply"/>.</param>
    /// <returns>[1, ...], the other axes those of the weight.</returns>
    public static Tensor Importance(Tensor weight, Tensor products, double count)
    {
        using var scope = NewDisposeScope();
        var variances = products.diagonal();
        return scope.MoveToOuter(variances.Plus(Damp(variances, count)).to(float32).view([1, .. weight.shape[1..]]));
    }

    /// <summary>The weights before rounding: to round each to nearest gives the compensated codes.</summary>
    /// <param name="weight">The float weights, [outputs, ...]; all axes but the first are inputs.</param>
    /// <param name="products">The mean product of every two inputs, float64, [inputs, inputs].</param>
    /// <param name="count">How many vectors the products are the mean of; where they are few for the number of inputs, their products are trusted less.</param>
    /// <param name="quantizer">The calibrated quantizer, per tensor or per output channel.</param>
    /// <param name="zeros">Which weights are to be 0, bool, of the weights' shape: the others make up for what that leaves (SparseGPT; arXiv 2301.00774). Null for none.</param>
    /// <returns>Same shape and type as <paramref name="weight"/>.</returns>
    public static Tensor Apply(Tensor weight, Tensor products, double count, IQuantizer quantizer, Tensor? zeros = null)
    {
        using var scope = NewDisposeScope();
        var matrix = weight.detach().flatten(1).to(float64);
        var (outputs, inputs) = (matrix.shape[0], matrix.shape[1]);
        var columnShape = Enumerable.Repeat(1L, (int)weight.dim()).ToArray();
        columnShape[0] = outputs;

        // The inputs that weigh most go first, while there are many left to make up for their errors.
        var variances = products.diagonal();
        var order = variances.argsort(descending: true);
        var factor = InverseFactor(products.index_select(0, order).index_select(1, order), Damp(variances, count));

        var columns = matrix.index_select(1, order);
        var pruned = zeros?.flatten(1).index_select(1, order);
        for (long start = 0; start < inputs; start += BlockSize)
        {
            using var blockScope = NewDisposeScope();
            var width = Math.Min(BlockSize, inputs - start);
            var left = inputs - start - width;
            var rows = factor.narrow(0, start, width);
            var block = columns.narrow(1, start, width);
            var errors = zeros_like(block);
            for (long i = 0; i < width; i++)
            {
                using var columnScope = NewDisposeScope();
                var column = block.narrow(1, i, 1);
                var unrounded = column.to(weight.dtype);
                var kept = pruned is null ? unrounded : where(pruned.narrow(1, start + i, 1), zeros_like(unrounded), unrounded);
                var rounded = quantizer.FakeQuantize(kept.reshape(columnShape)).view(outputs, 1).to(float64);
                column.copy_(kept);
                var row = rows.narrow(0, i, 1).narrow(1, start + i, width - i);
                var error = (unrounded.to(float64) - rounded) / row.narrow(1, 0, 1);
                errors.narrow(1, i, 1).copy_(error);
                block.narrow(1, i + 1, width - i - 1).sub_(error.mm(row.narrow(1, 1, width - i - 1)));
            }

            columns.narrow(1, start + width, left).sub_(errors.mm(rows.narrow(1, start + width, left)));
        }

        return scope.MoveToOuter(columns.index_select(1, order.argsort()).to(weight.dtype).view(weight.shape));
    }

    // The upper factor of the inverse. Inputs that are nearly multiples of each other may need more damping than others, and inputs that are all zero have no variance to damp by.
    private static Tensor InverseFactor(Tensor products, Tensor damping)
    {
        var size = products.shape[0];
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return linalg.cholesky(linalg.inv(products.Plus(diag(damping.expand(size))))).transpose(0, 1).contiguous();
            }
            catch (ExternalException) when (attempt < MostDampings)
            {
                damping = damping.Times(MoreDamping).AtLeast(LeastDamping);
            }
        }
    }

    private static Tensor Damp(Tensor variances, double count) => variances.mean().Times(Damping + (variances.shape[0] / count));
}
