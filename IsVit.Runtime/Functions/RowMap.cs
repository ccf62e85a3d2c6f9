using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IsVit.Runtime.Functions;

/// <summary>A function of every number of a row, in place.</summary>
internal static class RowMap
{
    private const int MostLanes = 16;

    /// <summary>Replaces every number by its function's value.</summary>
    public static void Apply<TFunction>(Span<float> row, TFunction function, VectorWidth width)
        where TFunction : struct, IRowFunction
    {
        switch (width)
        {
            case VectorWidth.Bits512:
                Run<TFunction, Lanes512>(row, function);
                break;
            case VectorWidth.Bits256:
                Run<TFunction, Lanes256>(row, function);
                break;
            default:
                Run<TFunction, Lanes128>(row, function);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TFunction, TLanes>(Span<float> row, TFunction function)
        where TFunction : struct, IRowFunction
        where TLanes : struct, ILanes<TLanes>
    {
        if (row.Length < TLanes.Count)
        {
            Span<float> padded = stackalloc float[MostLanes];
            padded.Clear();
            row.CopyTo(padded);
            ref var only = ref MemoryMarshal.GetReference(padded);
            TLanes.Store(function.Of(TLanes.Load(ref only)), ref only);
            padded[..row.Length].CopyTo(row);
            return;
        }

        // The last vector may overlap the one before it, so it is read before that is written.
        ref var first = ref MemoryMarshal.GetReference(row);
        var last = row.Length - TLanes.Count;
        var end = TLanes.Load(ref Unsafe.Add(ref first, last));
        for (var i = 0; i < last; i += TLanes.Count)
        {
            ref var at = ref Unsafe.Add(ref first, i);
            TLanes.Store(function.Of(TLanes.Load(ref at)), ref at);
        }

        TLanes.Store(function.Of(end), ref Unsafe.Add(ref first, last));
    }
}
