using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Kernels;

/// <summary>The numbers that a table's levels are found for at once: they stay in the first-level cache.</summary>
internal static unsafe class TableBlock
{
    /// <summary>The most numbers of one block.</summary>
    public const int Length = 512;

    /// <summary>Elements as numbers to compute with: themselves, or widened into a buffer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TNumber* Numbers<TElement, TNumber>(TElement* elements, TNumber* buffer, int length, VectorWidth width)
        where TElement : unmanaged
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    {
        if (typeof(TElement) == typeof(TNumber))
        {
            return (TNumber*)elements;
        }

        Convert(elements, buffer, length, width);
        return buffer;
    }

    /// <summary>Widens or narrows.</summary>
    public static void Convert<TFrom, TTo>(TFrom* from, TTo* to, int length, VectorWidth width)
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        switch (width)
        {
            case VectorWidth.Bits512:
                Convert<TFrom, TTo, Lanes512<float>>(from, to, length);
                break;
            case VectorWidth.Bits256:
                Convert<TFrom, TTo, Lanes256<float>>(from, to, length);
                break;
            default:
                Convert<TFrom, TTo, Lanes128<float>>(from, to, length);
                break;
        }
    }

    private static void Convert<TFrom, TTo, TLanes>(TFrom* from, TTo* to, int length)
        where TFrom : unmanaged
        where TTo : unmanaged
        where TLanes : struct, ILanes<TLanes, float>
    {
        var i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Load(from + i), to + i);
        }

        for (; i < length; i++)
        {
            Lane<float>.Store(Lane<float>.Load(from + i), to + i);
        }
    }
}
