using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Kernels;

/// <summary>Every number's level.</summary>
internal readonly unsafe struct TableForward<TElement, TNumber, TLookup>(TLookup lookup) : IElementwisePass<TElement>
    where TElement : unmanaged
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    where TLookup : struct, ILevelLookup<TNumber>
{
    public void Run(TElement* x, TElement* gradient, TElement* output, long position, long length, VectorWidth width)
    {
        var buffer = stackalloc TNumber[TableBlock.Length];
        for (long start = 0; start < length; start += TableBlock.Length)
        {
            var count = (int)Math.Min(TableBlock.Length, length - start);
            if (typeof(TElement) == typeof(TNumber))
            {
                lookup.Levels((TNumber*)(x + start), (TNumber*)(output + start), count, width);
                continue;
            }

            lookup.Levels(TableBlock.Numbers(x + start, buffer, count, width), buffer, count, width);
            TableBlock.Convert(buffer, output + start, count, width);
        }
    }
}

/// <summary>The gradient of levels that are exponential in what is rounded: gradient (x' + shift) / (x + shift) inside the range, 0 outside.</summary>
internal readonly unsafe struct RatioBackward<TElement, TNumber, TLookup>(TLookup lookup, TableSlope<TNumber> slope) : IElementwisePass<TElement>
    where TElement : unmanaged
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    where TLookup : struct, ILevelLookup<TNumber>
{
    public void Run(TElement* x, TElement* gradient, TElement* output, long position, long length, VectorWidth width)
    {
        TNumber* numbers = stackalloc TNumber[TableBlock.Length], levels = stackalloc TNumber[TableBlock.Length];
        for (long start = 0; start < length; start += TableBlock.Length)
        {
            var count = (int)Math.Min(TableBlock.Length, length - start);
            var block = TableBlock.Numbers(x + start, numbers, count, width);
            lookup.Levels(block, levels, count, width);
            switch (width)
            {
                case VectorWidth.Bits512:
                    Slopes<Lanes512<TNumber>>(block, levels, gradient + start, output + start, count);
                    break;
                case VectorWidth.Bits256:
                    Slopes<Lanes256<TNumber>>(block, levels, gradient + start, output + start, count);
                    break;
                default:
                    Slopes<Lanes128<TNumber>>(block, levels, gradient + start, output + start, count);
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Slopes<TLanes>(TNumber* x, TNumber* levels, TElement* gradient, TElement* output, int length)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        var i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Store(slope.Ratio(TLanes.Load(x + i), TLanes.Load(levels + i), TLanes.Load(gradient + i)), output + i);
        }

        for (; i < length; i++)
        {
            Lane<TNumber>.Store(slope.Ratio<Lane<TNumber>>(new(x[i]), new(levels[i]), Lane<TNumber>.Load(gradient + i)), output + i);
        }
    }
}

/// <summary>The gradient of levels that are linear in what is rounded: itself inside the range, 0 outside.</summary>
internal readonly unsafe struct InsideBackward<TElement, TNumber>(TableSlope<TNumber> slope) : IElementwisePass<TElement>
    where TElement : unmanaged
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    public void Run(TElement* x, TElement* gradient, TElement* output, long position, long length, VectorWidth width)
    {
        switch (width)
        {
            case VectorWidth.Bits512:
                Run<Lanes512<TNumber>>(x, gradient, output, length);
                break;
            case VectorWidth.Bits256:
                Run<Lanes256<TNumber>>(x, gradient, output, length);
                break;
            default:
                Run<Lanes128<TNumber>>(x, gradient, output, length);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Run<TLanes>(TElement* x, TElement* gradient, TElement* output, long length)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        long i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Store(slope.One(TLanes.Load(x + i), TLanes.Load(gradient + i)), output + i);
        }

        for (; i < length; i++)
        {
            Lane<TNumber>.Store(slope.One(Lane<TNumber>.Load(x + i), Lane<TNumber>.Load(gradient + i)), output + i);
        }
    }
}
