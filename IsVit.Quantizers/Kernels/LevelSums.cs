using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>Sums gradients by the level that each number is rounded to: the gradient of the levels.</summary>
internal static unsafe class LevelSums
{
    // One pass over a block for each threshold: beyond this many, to look each number's place up costs less.
    private const int MostThresholds = 63;

    // A block of both inputs stays in the first-level cache.
    private const int Block = 1024;
    private const long Chunk = 1 << 15;

    /// <summary>The sum of the gradients of all numbers in each position of a table.</summary>
    /// <param name="x">The numbers, floating-point, any shape.</param>
    /// <param name="gradient">The gradients from above, of the type and shape of <paramref name="x"/>.</param>
    /// <param name="thresholds">Ascending; position i holds the numbers from thresholds[i-1] (inclusive) to thresholds[i].</param>
    /// <returns>One more than thresholds. The same bits for any number of threads.</returns>
    public static double[] Of(torch.Tensor x, torch.Tensor gradient, float[] thresholds)
    {
        if (thresholds.Length > MostThresholds || x.device_type != DeviceType.CPU || x.dtype != torch.ScalarType.Float32 || gradient.dtype != torch.ScalarType.Float32 || !KernelSwitch.FusedAllowed)
        {
            return Separately(x, gradient, thresholds);
        }

        using var scope = torch.NewDisposeScope();
        var (numbers, gradients) = SameOrder(x, gradient);
        var count = numbers.NumberOfElements;
        var chunks = (int)((count + Chunk - 1) / Chunk);
        var sums = new double[chunks][];
        float* first = TensorMemory.First<float>(numbers), second = TensorMemory.First<float>(gradients);
        var width = KernelSwitch.Width;
        TorchThreads.For(chunks, chunk =>
        {
            var start = chunk * Chunk;
            sums[chunk] = Piece(first + start, second + start, (int)Math.Min(Chunk, count - start), thresholds, width);
        });
        return ByPosition(sums, thresholds.Length);
    }

    // Every sum from a threshold on, less those from the next one on, is that of a position.
    private static double[] ByPosition(double[][] chunks, int thresholds)
    {
        var from = new double[thresholds + 2];
        foreach (var chunk in chunks)
        {
            for (var i = 0; i <= thresholds; i++)
            {
                from[i] += chunk[i];
            }
        }

        var result = new double[thresholds + 1];
        for (var i = 0; i < result.Length; i++)
        {
            result[i] = from[i] - from[i + 1];
        }

        return result;
    }

    private static (torch.Tensor Numbers, torch.Tensor Gradients) SameOrder(torch.Tensor x, torch.Tensor gradient) =>
        MemoryOrder.Supports(x.shape, x.stride(), gradient) ? (x, gradient) : (x.contiguous(), gradient.contiguous());

    private static double[] Separately(torch.Tensor x, torch.Tensor gradient, float[] thresholds)
    {
        using var scope = torch.NewDisposeScope();
        var bounds = torch.tensor(thresholds, torch.ScalarType.Float32).to(x.device).to(x.dtype);
        var positions = torch.bucketize(x.detach().contiguous(), bounds, outInt32: false, right: true).reshape(-1);
        var sums = torch.zeros([thresholds.Length + 1], torch.ScalarType.Float64, x.device);
        using var one = 1.ToScalar();
        sums.index_add_(0, positions, gradient.detach().reshape(-1).to(torch.ScalarType.Float64), one);
        return sums.cpu().data<double>().ToArray();
    }

    private static double[] Piece(float* x, float* gradient, int length, float[] thresholds, VectorWidth width)
    {
        var sums = new double[thresholds.Length + 1];
        for (var start = 0; start < length; start += Block)
        {
            var count = Math.Min(Block, length - start);
            switch (width)
            {
                case VectorWidth.Bits512:
                    Add<Lanes512<float>>(x + start, gradient + start, count, thresholds, sums);
                    break;
                case VectorWidth.Bits256:
                    Add<Lanes256<float>>(x + start, gradient + start, count, thresholds, sums);
                    break;
                default:
                    Add<Lanes128<float>>(x + start, gradient + start, count, thresholds, sums);
                    break;
            }
        }

        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add<TLanes>(float* x, float* gradient, int length, float[] thresholds, double[] sums)
        where TLanes : struct, ILanes<TLanes, float>
    {
        // Sixteen partial sums whatever the width, so that the width does not change the order in which numbers are added.
        const int Partial = 16;
        var partial = stackalloc float[Partial];
        var vectors = Partial / TLanes.Count;
        for (var t = 0; t <= thresholds.Length; t++)
        {
            new Span<float>(partial, Partial).Clear();
            var threshold = t == 0 ? float.NegativeInfinity : thresholds[t - 1];
            var bound = TLanes.All(threshold);
            var zero = TLanes.All(0);
            var end = length - (length % Partial);
            for (var lane = 0; lane < vectors; lane++)
            {
                var sum = zero;
                for (var i = lane * TLanes.Count; i < end; i += Partial)
                {
                    sum += TLanes.Select(TLanes.AtLeast(TLanes.Load(x + i), bound), TLanes.Load(gradient + i), zero);
                }

                TLanes.Store(sum, partial + (lane * TLanes.Count));
            }

            double total = 0;
            for (var i = 0; i < Partial; i++)
            {
                total += partial[i];
            }

            for (var i = end; i < length; i++)
            {
                total += x[i] >= threshold ? gradient[i] : 0;
            }

            sums[t] += total;
        }
    }
}
