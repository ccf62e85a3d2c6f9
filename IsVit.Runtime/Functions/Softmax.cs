using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IsVit.Runtime.Functions;

/// <summary>e^x / sum of e^x over a row, in place.</summary>
/// <remarks>
/// Relative error at most 1e-6 where the result is a normal number. Subtracting the largest number x_max in float32 would cost up to |x - x_max| 6e-8; instead the exponentials are divided by 2^m, m the integer nearest to
/// x_max / ln 2, which takes nothing but a subtraction of exponents. A NaN, an infinite largest number, or nothing but negative infinities make the whole row NaN, as with torch.
/// </remarks>
internal static class Softmax
{
    // Exponentials are kept 2^64 times as large until they are divided by their sum; those from here below the largest number round to zero.
    private const int Exponent = 64;
    private const float Range = 110f;

    // Beyond, the largest number is subtracted first: those that are near enough to it for a result above zero differ from it by a float32 number.
    private const float LargestInPlace = 65536f;

    /// <summary>Replaces a row by its softmax.</summary>
    /// <param name="row">The numbers.</param>
    public static void Apply(Span<float> row) => Apply(row, VectorWidths.Widest);

    /// <summary>Replaces a row x by the softmax of scale x + bias, product and sum rounded one after the other.</summary>
    /// <param name="row">The numbers.</param>
    /// <param name="scale">The factor.</param>
    /// <param name="bias">One for each number, or empty for none.</param>
    public static void Apply(Span<float> row, float scale, ReadOnlySpan<float> bias) => Apply(row, scale, bias, VectorWidths.Widest);

    /// <summary>Replaces a row by its softmax, by vectors of one width.</summary>
    /// <param name="row">The numbers.</param>
    /// <param name="width">The width.</param>
    public static void Apply(Span<float> row, VectorWidth width)
    {
        switch (width)
        {
            case VectorWidth.Bits512:
                Run<Lanes512>(row, width);
                break;
            case VectorWidth.Bits256:
                Run<Lanes256>(row, width);
                break;
            default:
                Run<Lanes128>(row, width);
                break;
        }
    }

    /// <summary>Replaces a row x by the softmax of scale x + bias, by vectors of one width.</summary>
    /// <param name="row">The numbers.</param>
    /// <param name="scale">The factor.</param>
    /// <param name="bias">One for each number, or empty for none.</param>
    /// <param name="width">The width.</param>
    public static void Apply(Span<float> row, float scale, ReadOnlySpan<float> bias, VectorWidth width)
    {
        if (bias.IsEmpty)
        {
            RowMap.Apply(row, new Product(scale), width);
            Apply(row, width);
            return;
        }

        if (bias.Length != row.Length)
        {
            throw new ArgumentException(FormattableString.Invariant($"A row of {row.Length} numbers has a bias of {bias.Length}; expected as many, or none."), nameof(bias));
        }

        switch (width)
        {
            case VectorWidth.Bits512:
                ScaleAndAdd<Lanes512>(row, scale, bias);
                break;
            case VectorWidth.Bits256:
                ScaleAndAdd<Lanes256>(row, scale, bias);
                break;
            default:
                ScaleAndAdd<Lanes128>(row, scale, bias);
                break;
        }

        Apply(row, width);
    }

    private static void Run<TLanes>(Span<float> row, VectorWidth width)
        where TLanes : struct, ILanes<TLanes>
    {
        var max = Reductions.Max<TLanes>(row);
        if (MathF.Abs(max) > LargestInPlace && float.IsFinite(max))
        {
            RowMap.Apply(row, new Difference(max), width);
            max = 0;
        }

        var most = float.IsFinite(max) ? (int)Math.Round(max / Math.Log(2)) : 0;
        RowMap.Apply(row, new Exponentials(max - Range, Exponent - most), width);
        RowMap.Apply(row, new Product((float)(1 / Reductions.Sum<TLanes>(row))), width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScaleAndAdd<TLanes>(Span<float> row, float scale, ReadOnlySpan<float> bias)
        where TLanes : struct, ILanes<TLanes>
    {
        ref var first = ref MemoryMarshal.GetReference(row);
        ref var summand = ref MemoryMarshal.GetReference(bias);
        var i = 0;
        for (; i <= row.Length - TLanes.Count; i += TLanes.Count)
        {
            ref var at = ref Unsafe.Add(ref first, i);
            TLanes.Store((TLanes.Load(ref at) * TLanes.All(scale)) + TLanes.Load(ref Unsafe.Add(ref summand, i)), ref at);
        }

        for (; i < row.Length; i++)
        {
            row[i] = (row[i] * scale) + bias[i];
        }
    }

    private readonly struct Exponentials(float lowest, int exponent) : IRowFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TLanes Of<TLanes>(TLanes x)
            where TLanes : struct, ILanes<TLanes> => Exponential.Of(TLanes.IfLess(x, TLanes.All(lowest), TLanes.All(lowest), x), exponent);
    }

    private readonly struct Product(float factor) : IRowFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TLanes Of<TLanes>(TLanes x)
            where TLanes : struct, ILanes<TLanes> => x * TLanes.All(factor);
    }

    private readonly struct Difference(float subtrahend) : IRowFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TLanes Of<TLanes>(TLanes x)
            where TLanes : struct, ILanes<TLanes> => x - TLanes.All(subtrahend);
    }
}
