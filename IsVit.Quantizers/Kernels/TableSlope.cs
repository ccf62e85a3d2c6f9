using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers.Kernels;

/// <summary>Where the gradient passes and with which slope.</summary>
internal readonly struct TableSlope<TNumber>(LevelTable table)
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    private readonly TNumber _lowest = TNumber.CreateTruncating(table.Lowest);
    private readonly TNumber _highest = TNumber.CreateTruncating(table.Highest);
    private readonly TNumber _shift = TNumber.CreateTruncating(table.Shift);

    /// <summary>gradient (x' + shift) / (x + shift) inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Ratio<TLanes>(TLanes x, TLanes level, TLanes gradient)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        var shift = TLanes.All(_shift);
        return TLanes.Select(Inside(x), (level + shift) / (x + shift) * gradient, TLanes.All(TNumber.Zero));
    }

    /// <summary>The gradient inside the range, 0 outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes One<TLanes>(TLanes x, TLanes gradient)
        where TLanes : struct, ILanes<TLanes, TNumber> => TLanes.Select(Inside(x), gradient, TLanes.All(TNumber.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TLanes Inside<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes, TNumber> => TLanes.Both(TLanes.AtLeast(x, TLanes.All(_lowest)), TLanes.AtLeast(TLanes.All(_highest), x));
}
