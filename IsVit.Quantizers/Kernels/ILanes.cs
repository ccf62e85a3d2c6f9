using System.Numerics;

namespace IsVit.Quantizers.Kernels;

/// <summary>Some numbers side by side that one operation works on; kernels are written once for every width, and for the single numbers that a vector leaves over.</summary>
/// <typeparam name="TSelf">The lanes.</typeparam>
/// <typeparam name="TNumber">What is computed in: float or double.</typeparam>
internal unsafe interface ILanes<TSelf, TNumber>
    where TSelf : struct, ILanes<TSelf, TNumber>
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    /// <summary>How many numbers there are.</summary>
    static abstract int Count { get; }

    /// <summary>One number in every lane.</summary>
    static abstract TSelf All(TNumber value);

    /// <summary>Reads numbers of the computing type, or <see cref="BFloat16Bits"/> where that is float.</summary>
    static abstract TSelf Load<TElement>(TElement* from)
        where TElement : unmanaged;

    /// <summary>Writes numbers of the computing type, or <see cref="BFloat16Bits"/> where that is float.</summary>
    static abstract void Store<TElement>(TSelf value, TElement* to)
        where TElement : unmanaged;

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    /// <summary>To the nearest integer, half to even.</summary>
    static abstract TSelf Round(TSelf x);

    /// <summary>A mask of where x >= bound; a NaN never is.</summary>
    static abstract TSelf AtLeast(TSelf x, TSelf bound);

    /// <summary>Where both masks hold.</summary>
    static abstract TSelf Both(TSelf left, TSelf right);

    /// <summary>The one number where the mask holds, the other elsewhere.</summary>
    static abstract TSelf Select(TSelf mask, TSelf yes, TSelf no);
}
