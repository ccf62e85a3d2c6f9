using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Kernels;

/// <summary>Work on elements one by one, which can be cut anywhere.</summary>
/// <typeparam name="TElement">The type of the elements in memory.</typeparam>
internal unsafe interface IElementwisePass<TElement>
    where TElement : unmanaged
{
    /// <summary>Works on some elements that lie side by side.</summary>
    /// <param name="x">The first input.</param>
    /// <param name="gradient">The first gradient from above; null in a forward pass.</param>
    /// <param name="output">The first result.</param>
    /// <param name="position">Where they begin in the tensor, which tells their channels.</param>
    /// <param name="length">How many there are.</param>
    /// <param name="width">The vectors to use.</param>
    void Run(TElement* x, TElement* gradient, TElement* output, long position, long length, VectorWidth width);
}

/// <summary>Runs a pass over tensors, on as many threads as libtorch would use.</summary>
internal static unsafe class ElementwiseRun
{
    // libtorch's own measure of what a thread is worth waking for.
    private const long ElementsPerThread = 1 << 15;
    private const long Chunk = 1 << 15;

    // What is gathered from tensors that do not lie side by side stays in the first-level cache.
    private const int Block = 1024;

    /// <summary>Runs a pass.</summary>
    /// <param name="pass">The pass.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="gradient">The gradients from above, in the same order; null in a forward pass.</param>
    /// <param name="output">The results, side by side.</param>
    /// <param name="count">The number of elements.</param>
    public static void Run<TPass, TElement>(TPass pass, ElementReader<TElement> x, ElementReader<TElement>? gradient, TElement* output, long count)
        where TPass : struct, IElementwisePass<TElement>
        where TElement : unmanaged
    {
        var width = KernelSwitch.Width;
        var threads = Threads(count);
        if (threads <= 1)
        {
            Piece(pass, x, gradient, output, 0, count, width);
            return;
        }

        var next = -Chunk;
        void Work()
        {
            for (var start = Interlocked.Add(ref next, Chunk); start < count; start = Interlocked.Add(ref next, Chunk))
            {
                Piece(pass, x, gradient, output, start, Math.Min(Chunk, count - start), width);
            }
        }

        TorchThreads.Run(Work, threads);
    }

    private static int Threads(long count)
    {
        var worthwhile = KernelSwitch.ForcedThreads > 0 ? int.MaxValue : count / ElementsPerThread;
        return worthwhile <= 1 ? 1 : (int)Math.Min(worthwhile, TorchThreads.Count);
    }

    private static void Piece<TPass, TElement>(TPass pass, ElementReader<TElement> x, ElementReader<TElement>? gradient, TElement* output, long start, long length, VectorWidth width)
        where TPass : struct, IElementwisePass<TElement>
        where TElement : unmanaged
    {
        if (x.IsSideBySide && gradient?.IsSideBySide != false)
        {
            pass.Run(x.First + start, gradient is null ? null : gradient.First + start, output + start, start, length, width);
            return;
        }

        TElement* numbers = stackalloc TElement[Block], gradients = stackalloc TElement[Block];
        for (var end = start + length; start < end; start += Block)
        {
            var count = (int)Math.Min(Block, end - start);
            pass.Run(x.Read(start, count, numbers), gradient is null ? null : gradient.Read(start, count, gradients), output + start, start, count, width);
        }
    }
}
