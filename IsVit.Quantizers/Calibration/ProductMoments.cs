using System.Numerics;
using IsVit.Core.Arithmetic;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Quantizers.Calibration;

/// <summary>
/// What the squared error of a product depends on, as a function of the levels that stand for its left operand's numbers: with bin m's numbers all at level l_m, the error is
/// <c>Target - 2 l Cross + l Gram l</c>.
/// </summary>
/// <param name="Gram">[bins, bins]: the products of what each two bins' places add to the product, summed over its numbers.</param>
/// <param name="Cross">[bins]: the same of each bin and the product itself.</param>
/// <param name="Target">The product's sum of squares.</param>
internal sealed record ProductMoments(double[,] Gram, double[] Cross, double Target)
{
    // Numbers of the bins' sums that are in memory at once.
    private const int SumsAtOnce = 1 << 24;

    // Beside the mean of all bins' products: what a bin without numbers is held by.
    private const double SmallestPull = 1e-9;

    /// <summary>Sums over all rows of a product.</summary>
    /// <param name="operands">What is multiplied.</param>
    /// <param name="thresholds">Where each bin but the first begins, ascending.</param>
    public static unsafe ProductMoments Of(ProductOperands operands, float[] thresholds)
    {
        var (left, right) = (operands.Left, operands.Right);
        var (rows, inner, columns, bins) = (checked((int)left.shape[0]), (int)left.shape[1], (int)right.shape[2], thresholds.Length + 1);
        var rowsOfOne = rows / (int)right.shape[0];
        float* numbers = TensorMemory.First<float>(left), others = TensorMemory.First<float>(right);

        // The product itself is one bin more.
        var gram = new double[bins + 1, bins + 1];
        var atOnce = Math.Clamp(SumsAtOnce / ((bins + 1) * columns), 1, rows);
        for (var first = 0; first < rows; first += atOnce)
        {
            using var scope = torch.NewDisposeScope();
            var (start, count) = (first, Math.Min(atOnce, rows - first));
            var sums = torch.zeros(bins + 1, count, columns, torch.ScalarType.Float32);
            var sum = TensorMemory.First<float>(sums);
            TorchThreads.For(count, i =>
            {
                var row = numbers + ((long)(start + i) * inner);
                var matrix = others + ((long)((start + i) / rowsOfOne) * inner * columns);
                var product = sum + ((((long)bins * count) + i) * columns);
                for (var k = 0; k < inner; k++, matrix += columns)
                {
                    Add(matrix, row[k], sum + ((((long)Position(thresholds, row[k]) * count) + i) * columns), product, columns);
                }
            });
            var flat = (sums * operands.Importance.narrow(0, start, count).sqrt().view(1, -1, 1)).view(bins + 1, -1);
            var products = (double[,])flat.mm(flat.t()).to(torch.float64).data<double>().ToNDArray();
            for (var a = 0; a <= bins; a++)
            {
                for (var b = 0; b <= bins; b++)
                {
                    gram[a, b] += products[a, b];
                }
            }
        }

        var ofBins = new double[bins, bins];
        var cross = new double[bins];
        for (var a = 0; a < bins; a++)
        {
            cross[a] = gram[a, bins];
            for (var b = 0; b < bins; b++)
            {
                ofBins[a, b] = gram[a, b];
            }
        }

        return new(ofBins, cross, gram[bins, bins]);
    }

    /// <summary>The same with bins taken together.</summary>
    /// <param name="starts">The first bin of each group but the first, ascending.</param>
    public ProductMoments Together(int[] starts)
    {
        var groups = starts.Length + 1;
        var gram = new double[groups, groups];
        var cross = new double[groups];
        var group = new int[Cross.Length];
        for (var bin = 0; bin < group.Length; bin++)
        {
            group[bin] = starts.Count(start => start <= bin);
        }

        for (var a = 0; a < group.Length; a++)
        {
            cross[group[a]] += Cross[a];
            for (var b = 0; b < group.Length; b++)
            {
                gram[group[a], group[b]] += Gram[a, b];
            }
        }

        return new(gram, cross, Target);
    }

    /// <summary>The levels with the least error, drawn a little towards given ones, where a bin that adds nothing stays.</summary>
    /// <param name="near">[bins].</param>
    /// <param name="pull">How strongly, beside each bin's own products.</param>
    public double[] Levels(ReadOnlySpan<double> near, double pull)
    {
        using var scope = torch.NewDisposeScope();
        var gram = torch.tensor(Gram);
        var origin = torch.tensor(near.ToArray());
        var own = gram.diagonal();
        var ridge = own.Times(pull).Plus(own.mean().Times(SmallestPull));
        var solved = torch.linalg.solve(gram.Plus(torch.diag(ridge)), torch.tensor(Cross).Plus(ridge * origin));
        return solved.data<double>().ToArray();
    }

    /// <summary>The error with given levels.</summary>
    public double Error(ReadOnlySpan<double> levels)
    {
        var error = Target;
        for (var a = 0; a < levels.Length; a++)
        {
            double sum = 0;
            for (var b = 0; b < levels.Length; b++)
            {
                sum += Gram[a, b] * levels[b];
            }

            error += levels[a] * (sum - (2 * Cross[a]));
        }

        return error;
    }

    // What one number adds: its row of the right operand to its bin, and that times the number to the product.
    private static unsafe void Add(float* others, float number, float* bin, float* product, int columns)
    {
        var column = 0;
        for (; column <= columns - Vector<float>.Count; column += Vector<float>.Count)
        {
            var other = Vector.Load(others + column);
            Vector.Store(Vector.Load(bin + column) + other, bin + column);
            Vector.Store(Vector.Load(product + column) + (other * number), product + column);
        }

        for (; column < columns; column++)
        {
            bin[column] += others[column];
            product[column] += others[column] * number;
        }
    }

    private static int Position(float[] thresholds, float number)
    {
        int low = 0, high = thresholds.Length;
        while (low < high)
        {
            var middle = (low + high) >> 1;
            (low, high) = number < thresholds[middle] ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
