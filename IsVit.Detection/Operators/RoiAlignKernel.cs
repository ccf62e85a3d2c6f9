using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Native;

namespace IsVit.Detection.Operators;

/// <summary>
/// One region of interest on one channel: first rows of cells are weighted into rows of bins, a vector of columns at a time, then columns into bins, a vector of bins at a time; backwards the other way
/// round. Every number is computed by the same operations whatever the vectors' width.
/// </summary>
internal static unsafe class RoiAlignKernel
{
    /// <summary>How many numbers a vector has.</summary>
    public static int Lanes(VectorWidth width) => (int)width / (8 * sizeof(float));

    /// <summary>How many numbers of space a region needs.</summary>
    /// <param name="pooling">How it is pooled.</param>
    /// <param name="sampling">The region.</param>
    public static int ScratchLength(RoiPooling pooling, RoiSampling sampling) => pooling.Height * sampling.WindowLength + pooling.Height * pooling.Width + sampling.PaddedBins;

    /// <summary>Pools.</summary>
    /// <param name="pooling">How.</param>
    /// <param name="sampling">The region.</param>
    /// <param name="plane">The channel.</param>
    /// <param name="width">The map's width.</param>
    /// <param name="output">The bins.</param>
    /// <param name="scratch">Space.</param>
    /// <param name="vectors">The vectors to use.</param>
    public static void Forward(RoiPooling pooling, RoiSampling sampling, float* plane, int width, float* output, float* scratch, VectorWidth vectors)
    {
        switch (vectors)
        {
            case VectorWidth.Bits512 when sampling.Taps is { } taps:
                Forward(pooling, sampling, taps, plane, width, output, scratch);
                break;
            case VectorWidth.Bits512:
                Forward<Lanes512<float>>(pooling, sampling, plane, width, output, scratch);
                break;
            case VectorWidth.Bits256:
                Forward<Lanes256<float>>(pooling, sampling, plane, width, output, scratch);
                break;
            default:
                Forward<Lanes128<float>>(pooling, sampling, plane, width, output, scratch);
                break;
        }
    }

    /// <summary>Adds the gradient by the channel.</summary>
    /// <param name="pooling">How the region is pooled.</param>
    /// <param name="sampling">The region.</param>
    /// <param name="gradient">The gradient by the bins.</param>
    /// <param name="plane">The gradient by the channel, which it is added to.</param>
    /// <param name="width">The map's width.</param>
    /// <param name="vectors">The vectors to use.</param>
    public static void Backward(RoiPooling pooling, RoiSampling sampling, float* gradient, float* plane, int width, VectorWidth vectors)
    {
        switch (vectors)
        {
            case VectorWidth.Bits512:
                Backward<Lanes512<float>>(pooling, sampling, gradient, plane, width);
                break;
            case VectorWidth.Bits256:
                Backward<Lanes256<float>>(pooling, sampling, gradient, plane, width);
                break;
            default:
                Backward<Lanes128<float>>(pooling, sampling, gradient, plane, width);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Forward<TLanes>(RoiPooling pooling, RoiSampling sampling, float* plane, int width, float* output, float* scratch)
        where TLanes : struct, ILanes<TLanes, float>
    {
        int rows = pooling.Height, bins = pooling.Width, window = sampling.WindowLength;
        fixed (float* rowWeights = sampling.RowWeights, columnWeights = sampling.ColumnWeights)
        {
            var begin = 0;
            for (var row = 0; row < rows; row++)
            {
                var end = sampling.RowEnd[row];
                var from = plane + (long)sampling.RowFirst[row] * width + sampling.WindowStart;
                var to = scratch + (long)row * window;
                var i = 0;
                for (; i <= window - TLanes.Count; i += TLanes.Count)
                {
                    WeightedSum<TLanes>(from + i, width, rowWeights + begin, end - begin, to + i);
                }

                for (; i < window; i++)
                {
                    WeightedSum<Lane<float>>(from + i, width, rowWeights + begin, end - begin, to + i);
                }

                begin = end;
            }

            // A row's last vector runs over into the next row, which is written after it, and at the end into the space behind.
            var pooled = scratch + (long)rows * window;
            var numbers = scratch + sampling.FirstColumn - sampling.WindowStart;
            var done = 0;
            if (sampling.PaddedBins == TLanes.Count)
            {
                for (; done <= rows - 4; done += 4)
                {
                    WeightedColumnsOfFour<TLanes>(numbers + (long)done * window, window, columnWeights, sampling.ColumnCount, pooled + done * bins, bins);
                }
            }

            for (; done < rows; done++)
            {
                for (var bin = 0; bin < bins; bin += TLanes.Count)
                {
                    WeightedSum<TLanes>(columnWeights + bin, sampling.PaddedBins, numbers + (long)done * window, sampling.ColumnCount, pooled + done * bins + bin);
                }
            }

            new ReadOnlySpan<float>(pooled, rows * bins).CopyTo(new Span<float>(output, rows * bins));
        }
    }

    // A row of bins stays in registers from the rows of cells to the bins. Columns come in the same order as otherwise; what is left out there counts 0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Forward(RoiPooling pooling, RoiSampling sampling, ColumnTaps taps, float* plane, int width, float* output, float* scratch)
    {
        int rows = pooling.Height, bins = pooling.Width, count = taps.Count;
        var isLong = sampling.WindowLength > ColumnTaps.Lanes;
        fixed (float* rowWeights = sampling.RowWeights, tapWeights = taps.Weights)
        fixed (int* indices = taps.Indices, rowFirst = sampling.RowFirst, rowEnd = sampling.RowEnd)
        {
            var weight = rowWeights;
            for (var row = 0; row < rows; row++)
            {
                var end = rowWeights + rowEnd[row];
                var from = plane + (long)rowFirst[row] * width + sampling.WindowStart;
                Vector512<float> left = Vector512<float>.Zero, right = left, sum = left;
                if (isLong)
                {
                    for (; weight < end; weight++, from += width)
                    {
                        var factor = Vector512.Create(*weight);
                        left += factor * Vector512.Load(from);
                        right += factor * Vector512.Load(from + ColumnTaps.Lanes);
                    }
                }
                else
                {
                    for (; weight < end; weight++, from += width)
                    {
                        left += Vector512.Create(*weight) * Vector512.Load(from);
                    }
                }

                for (var tap = 0; tap < count; tap++)
                {
                    var picked = Avx512F.PermuteVar16x32x2(left, Vector512.Load(indices + tap * ColumnTaps.Lanes), right);
                    sum += picked * Vector512.Load(tapWeights + tap * ColumnTaps.Lanes);
                }

                sum.Store(scratch + row * bins);
            }

            new ReadOnlySpan<float>(scratch, rows * bins).CopyTo(new Span<float>(output, rows * bins));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WeightedSum<TLanes>(float* from, int stride, float* weights, int count, float* to)
        where TLanes : struct, ILanes<TLanes, float>
    {
        var sum = TLanes.All(0);
        for (var i = 0; i < count; i++)
        {
            sum += TLanes.All(weights[i]) * TLanes.Load(from + (long)i * stride);
        }

        TLanes.Store(sum, to);
    }

    // Four sums at once hide how long an addition takes, and share what is read.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WeightedColumnsOfFour<TLanes>(float* numbers, int window, float* weights, int count, float* to, int bins)
        where TLanes : struct, ILanes<TLanes, float>
    {
        float* second = numbers + window, third = second + window, fourth = third + window;
        TLanes sum1 = TLanes.All(0), sum2 = sum1, sum3 = sum1, sum4 = sum1;
        for (var i = 0; i < count; i++)
        {
            var weight = TLanes.Load(weights + (long)i * TLanes.Count);
            sum1 += TLanes.All(numbers[i]) * weight;
            sum2 += TLanes.All(second[i]) * weight;
            sum3 += TLanes.All(third[i]) * weight;
            sum4 += TLanes.All(fourth[i]) * weight;
        }

        TLanes.Store(sum1, to);
        TLanes.Store(sum2, to + bins);
        TLanes.Store(sum3, to + 2 * bins);
        TLanes.Store(sum4, to + 3 * bins);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Backward<TLanes>(RoiPooling pooling, RoiSampling sampling, float* gradient, float* plane, int width)
        where TLanes : struct, ILanes<TLanes, float>
    {
        int rows = pooling.Height, bins = pooling.Width, window = sampling.WindowLength;
        fixed (float* rowWeights = sampling.RowWeights, weightsByBin = sampling.WeightsByBin)
        {
            var begin = 0;
            for (var row = 0; row < rows; row++)
            {
                var end = sampling.RowEnd[row];
                var to = plane + (long)sampling.RowFirst[row] * width + sampling.WindowStart;
                var i = 0;
                for (; i <= window - TLanes.Count; i += TLanes.Count)
                {
                    Spread<TLanes>(gradient + row * bins, weightsByBin + i, window, bins, rowWeights + begin, end - begin, to + i, width);
                }

                for (; i < window; i++)
                {
                    Spread<Lane<float>>(gradient + row * bins, weightsByBin + i, window, bins, rowWeights + begin, end - begin, to + i, width);
                }

                begin = end;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Spread<TLanes>(float* gradient, float* weightsByBin, int window, int bins, float* rowWeights, int count, float* to, int width)
        where TLanes : struct, ILanes<TLanes, float>
    {
        var sum = TLanes.All(0);
        for (var bin = 0; bin < bins; bin++)
        {
            sum += TLanes.All(gradient[bin]) * TLanes.Load(weightsByBin + (long)bin * window);
        }

        for (var i = 0; i < count; i++)
        {
            var place = to + (long)i * width;
            TLanes.Store(TLanes.Load(place) + TLanes.All(rowWeights[i]) * sum, place);
        }
    }
}
