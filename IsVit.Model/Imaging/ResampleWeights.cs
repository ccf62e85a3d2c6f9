namespace IsVit.Model.Imaging;

/// <summary>Which source pixels each resized pixel along one axis is made of, and their weights in fixed point.</summary>
/// <remarks>
/// The arithmetic is that of Pillow's resampling of 8-bit images, in the same order and precision, so that every weight is equal: the kernel is
/// widened by the shrinking factor, sampled in double precision, normalized to a sum of 1 and rounded to <see cref="PrecisionBits"/> fractional bits.
/// </remarks>
internal sealed class ResampleWeights
{
    /// <summary>Fractional bits of a weight: 32, less 8 of a pixel, less 2 for kernels that exceed 0..1.</summary>
    public const int PrecisionBits = 32 - 8 - 2;

    private ResampleWeights(int tapCount, int[] starts, int[] taps)
    {
        TapCount = tapCount;
        Starts = starts;
        Taps = taps;
    }

    /// <summary>Weights a resized pixel: an even number; those that are not needed are 0.</summary>
    public int TapCount { get; }

    /// <summary>The first source pixel of each resized pixel.</summary>
    public int[] Starts { get; }

    /// <summary>The weights, <see cref="TapCount"/> for each resized pixel.</summary>
    public int[] Taps { get; }

    /// <summary>Computes the weights of the resized pixels <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> - 1.</summary>
    /// <param name="sourceSize">Pixels along the axis before.</param>
    /// <param name="size">Pixels along the axis after.</param>
    /// <param name="first">The first resized pixel that is wanted.</param>
    /// <param name="count">How many are wanted.</param>
    /// <param name="filter">The kernel.</param>
    public static ResampleWeights Create(int sourceSize, int size, int first, int count, ResampleFilter filter)
    {
        var scale = (double)sourceSize / size;
        var widening = Math.Max(scale, 1.0);
        var support = (filter == ResampleFilter.Bicubic ? 2.0 : 1.0) * widening;
        var inverse = 1.0 / widening;
        var tapCount = (Math.Min(((int)Math.Ceiling(support) * 2) + 1, sourceSize) + 1) & ~1;

        var starts = new int[count];
        var taps = new int[count * tapCount];
        var weights = new double[tapCount];
        for (var i = 0; i < count; i++)
        {
            var (start, length, sum) = Sample(first + i, sourceSize, scale, support, inverse, filter, weights);

            // All taps are read, also those of weight 0, so they begin early enough to end inside (an odd source: one behind it).
            starts[i] = Math.Max(Math.Min(start, sourceSize - tapCount), 0);
            var at = (i * tapCount) + start - starts[i];
            for (var t = 0; t < length; t++)
            {
                var scaled = (sum != 0 ? weights[t] / sum : weights[t]) * (1 << PrecisionBits);
                taps[at + t] = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
            }
        }

        return new ResampleWeights(tapCount, starts, taps);
    }

    /// <summary>The weights before they are rounded, of all resized pixels.</summary>
    /// <param name="sourceSize">Pixels along the axis before.</param>
    /// <param name="size">Pixels along the axis after.</param>
    /// <param name="filter">The kernel.</param>
    /// <returns>[<paramref name="size"/>, <paramref name="sourceSize"/>], each row with a sum of 1.</returns>
    public static double[,] Matrix(int sourceSize, int size, ResampleFilter filter)
    {
        var scale = (double)sourceSize / size;
        var widening = Math.Max(scale, 1.0);
        var support = (filter == ResampleFilter.Bicubic ? 2.0 : 1.0) * widening;
        var weights = new double[((int)Math.Ceiling(support) * 2) + 1];
        var matrix = new double[size, sourceSize];
        for (var i = 0; i < size; i++)
        {
            var (start, length, sum) = Sample(i, sourceSize, scale, support, 1.0 / widening, filter, weights);
            for (var t = 0; t < length; t++)
            {
                matrix[i, start + t] = weights[t] / sum;
            }
        }

        return matrix;
    }

    // Where the kernel around one resized pixel begins and ends, and the sum of its weights.
    private static (int Start, int Length, double Sum) Sample(int pixel, int sourceSize, double scale, double support, double inverse, ResampleFilter filter, double[] weights)
    {
        var centre = (pixel + 0.5) * scale;
        var start = Math.Max((int)(centre - support + 0.5), 0);
        var length = Math.Min((int)(centre + support + 0.5), sourceSize) - start;
        var sum = 0.0;
        for (var t = 0; t < length; t++)
        {
            weights[t] = Kernel((t + start - centre + 0.5) * inverse, filter);
            sum += weights[t];
        }

        return (start, length, sum);
    }

    private static double Kernel(double x, ResampleFilter filter)
    {
        x = Math.Abs(x);
        if (filter == ResampleFilter.Bilinear)
        {
            return x < 1 ? 1 - x : 0;
        }

        const double A = -0.5;
        return x switch
        {
            < 1 => ((((A + 2) * x) - (A + 3)) * x * x) + 1,
            < 2 => (((((x - 5) * x) + 8) * x) - 4) * A,
            _ => 0,
        };
    }
}
