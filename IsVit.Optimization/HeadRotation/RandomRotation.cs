using System.Numerics;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.LinearAlgebra;
using static TorchSharp.torch;

namespace IsVit.Optimization.HeadRotation;

/// <summary>Random orthogonal matrices that spread what stands in one channel over all.</summary>
internal static class RandomRotation
{
    /// <summary>
    /// Where the width is a power of two, a Hadamard matrix whose columns have random signs: every element is plus or minus 1 / sqrt(width). Else the orthogonal factor of a random normal
    /// matrix, which is equally likely to be any orthogonal matrix (Mezzadri, arXiv math-ph/0609050).
    /// </summary>
    /// <param name="width">The number of channels, at least 1.</param>
    /// <param name="random">Where the signs or numbers come from.</param>
    /// <returns>[width, width], float64, on the CPU.</returns>
    public static Tensor Create(int width, Random random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentNullException.ThrowIfNull(random);
        return tensor(BitOperations.IsPow2(width) ? Hadamard(width, random) : Orthogonal(width, random));
    }

    // Sylvester's: element (i, j) is positive where i and j share an even number of bits.
    private static double[,] Hadamard(int width, Random random)
    {
        var size = 1 / Math.Sqrt(width);
        var signs = Enumerable.Range(0, width).Select(_ => random.Next(2) == 0 ? size : -size).ToArray();
        var result = new double[width, width];
        for (var i = 0; i < width; i++)
        {
            for (var j = 0; j < width; j++)
            {
                result[i, j] = int.IsEvenInteger(BitOperations.PopCount((uint)(i & j))) ? signs[j] : -signs[j];
            }
        }

        return result;
    }

    private static double[,] Orthogonal(int width, Random random)
    {
        var factors = Matrix<double>.Build.Random(width, width, new Normal(0, 1, random)).QR();
        return (factors.Q * Matrix<double>.Build.DenseOfDiagonalVector(factors.R.Diagonal().Map(static value => value < 0 ? -1.0 : 1.0))).ToArray();
    }
}
