using System.Runtime.CompilerServices;

namespace IsVit.Runtime.Functions;

/// <summary>tanh x = -E / (2 + E) with E = e^(-2 |x|) - 1, which is computed without the cancellation that subtracting 1 would be near zero.</summary>
/// <remarks>Relative error at most 5e-7.</remarks>
internal readonly struct HyperbolicTangent : IRowFunction
{
    // tanh is 1 in float32 from 9.02 on.
    private const float Limit = 10f;

    /// <summary>Replaces every number of a row.</summary>
    /// <param name="row">The numbers.</param>
    public static void Apply(Span<float> row) => Apply(row, VectorWidths.Widest);

    /// <summary>Replaces every number of a row, by vectors of one width.</summary>
    /// <param name="row">The numbers.</param>
    /// <param name="width">The width.</param>
    public static void Apply(Span<float> row, VectorWidth width) => RowMap.Apply(row, default(HyperbolicTangent), width);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Of<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        var a = TLanes.Abs(x);
        a = TLanes.IfLess(TLanes.All(Limit), a, TLanes.All(Limit), a);
        var (shifted, remainder) = Exponential.Reduce(a * TLanes.All(-2f));
        var power = TLanes.PowerOfTwo(shifted, 0);
        var less = TLanes.MultiplyAdd(Exponential.Slope(remainder) * remainder, power, power - TLanes.All(1f));
        return TLanes.WithSign(TLanes.Abs(less) / (less + TLanes.All(2f)), x);
    }
}
