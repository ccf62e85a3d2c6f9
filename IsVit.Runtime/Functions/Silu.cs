using System.Runtime.CompilerServices;

namespace IsVit.Runtime.Functions;

/// <summary>x / (1 + e^-x).</summary>
/// <remarks>Relative error at most 4e-7 where the result exceeds 2e-36 in absolute value, and at most 1e-42 in absolute value below.</remarks>
internal readonly struct Silu : IRowFunction
{
    // From here on e^-|x| times x rounds to zero.
    private const float Limit = 110f;

    private const int Exponent = 64;
    private const float Scale = 18446744073709551616f;
    private const float Unscale = 5.42101086e-20f;

    /// <summary>Replaces every number of a row.</summary>
    /// <param name="row">The numbers.</param>
    public static void Apply(Span<float> row) => Apply(row, VectorWidths.Widest);

    /// <summary>Replaces every number of a row, by vectors of one width.</summary>
    /// <param name="row">The numbers.</param>
    /// <param name="width">The width.</param>
    public static void Apply(Span<float> row, VectorWidth width) => RowMap.Apply(row, default(Silu), width);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Of<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        var limited = TLanes.IfLess(x, TLanes.All(-Limit), TLanes.All(-Limit), x);
        var a = TLanes.All(0f) - TLanes.Abs(limited);
        a = TLanes.IfLess(a, TLanes.All(-Limit), TLanes.All(-Limit), a);

        // e^-|x| never overflows: 1 / (1 + e^-x) is e^x / (1 + e^x) where x is negative.
        var exponential = Exponential.Of(a, Exponent);
        var numerator = TLanes.IfLess(limited, TLanes.All(0f), exponential, TLanes.All(Scale));
        var denominator = TLanes.MultiplyAdd(exponential, TLanes.All(Unscale), TLanes.All(1f));
        return limited * (numerator / denominator * TLanes.All(Unscale));
    }
}
