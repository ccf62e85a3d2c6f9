using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>A tensor's elements in the order of its indices, wherever they lie: slices, transposed and repeated tensors are read without a copy of the whole.</summary>
/// <typeparam name="TElement">The type of the elements.</typeparam>
internal sealed unsafe class ElementReader<TElement>
    where TElement : unmanaged
{
    private readonly long[] _shape;
    private readonly long[] _strides;

    private ElementReader(TElement* first, bool isSideBySide, long[] shape, long[] strides)
    {
        First = first;
        IsSideBySide = isSideBySide;
        _shape = shape;
        _strides = strides;
    }

    /// <summary>The first element's address.</summary>
    public TElement* First { get; }

    /// <summary>Whether the elements lie side by side.</summary>
    public bool IsSideBySide { get; }

    /// <summary>Reads in the order of the tensor's memory, which must have no gaps.</summary>
    public static ElementReader<TElement> InMemoryOrder(torch.Tensor tensor) => new(TensorMemory.First<TElement>(tensor), true, [], []);

    /// <summary>Reads in the order of the indices, the last one fastest.</summary>
    public static ElementReader<TElement> InIndexOrder(torch.Tensor tensor)
    {
        if (tensor.is_contiguous())
        {
            return InMemoryOrder(tensor);
        }

        var (shape, strides) = Merge(tensor.shape, tensor.stride());
        return new(TensorMemory.First<TElement>(tensor), false, shape, strides);
    }

    /// <summary>Elements side by side: those of the tensor itself, or copies.</summary>
    /// <param name="start">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="buffer">Space for as many.</param>
    public TElement* Read(long start, int count, TElement* buffer)
    {
        if (IsSideBySide)
        {
            return First + start;
        }

        var last = _shape.Length - 1;
        var (row, column) = Math.DivRem(start, _shape[last]);
        for (var done = 0; done < count; row++, column = 0)
        {
            var length = (int)Math.Min(_shape[last] - column, count - done);
            Copy(RowStart(row) + (column * _strides[last]), _strides[last], buffer + done, length);
            done += length;
        }

        return buffer;
    }

    private static void Copy(TElement* from, long stride, TElement* to, int length)
    {
        if (stride == 1)
        {
            new ReadOnlySpan<TElement>(from, length).CopyTo(new Span<TElement>(to, length));
            return;
        }

        for (var i = 0; i < length; i++)
        {
            to[i] = from[i * stride];
        }
    }

    private TElement* RowStart(long row)
    {
        long offset = 0;
        for (var d = _shape.Length - 2; d >= 0; d--)
        {
            (row, var index) = Math.DivRem(row, _shape[d]);
            offset += index * _strides[d];
        }

        return First + offset;
    }

    /// <summary>The same elements with as few axes as possible: neighbours that follow each other in memory become one.</summary>
    private static (long[] Shape, long[] Strides) Merge(long[] shape, long[] strides)
    {
        var merged = new List<(long Length, long Stride)>();
        for (var d = 0; d < shape.Length; d++)
        {
            if (merged.Count > 0 && merged[^1].Stride == shape[d] * strides[d])
            {
                merged[^1] = (merged[^1].Length * shape[d], strides[d]);
            }
            else
            {
                merged.Add((shape[d], strides[d]));
            }
        }

        return ([.. merged.Select(static axis => axis.Length)], [.. merged.Select(static axis => axis.Stride)]);
    }
}
