using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>What a uniform quantizer does to each number.</summary>
internal interface IUniformStep
{
    /// <summary>Whether there is a gradient from above to read.</summary>
    static abstract bool ReadsGradient { get; }

    /// <summary>The results for some numbers x with scale s, zero point z and largest code max.</summary>
    static abstract TLanes Apply<TLanes, TNumber>(TLanes x, TLanes gradient, TLanes s, TLanes z, TLanes max)
        where TLanes : struct, ILanes<TLanes, TNumber>
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>;
}

/// <summary>s (clamp(round(x / s) + z, 0, max) - z); a NaN stays one.</summary>
internal readonly struct UniformProject : IUniformStep
{
    public static bool ReadsGradient => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, TNumber>(TLanes x, TLanes gradient, TLanes s, TLanes z, TLanes max)
        where TLanes : struct, ILanes<TLanes, TNumber>
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    {
        var zero = TLanes.All(TNumber.Zero);
        var code = TLanes.Round(x / s) + z;
        code = TLanes.Select(TLanes.AtLeast(zero, code), zero, code);
        code = TLanes.Select(TLanes.AtLeast(code, max), max, code);
        return (code - z) * s;
    }
}

/// <summary>The gradient where round(x / s) + z is a code, 0 elsewhere. The place is found again from x: cheaper than storing and loading it.</summary>
internal readonly struct UniformGradient : IUniformStep
{
    public static bool ReadsGradient => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, TNumber>(TLanes x, TLanes gradient, TLanes s, TLanes z, TLanes max)
        where TLanes : struct, ILanes<TLanes, TNumber>
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    {
        var zero = TLanes.All(TNumber.Zero);
        var code = TLanes.Round(x / s) + z;
        return TLanes.Select(TLanes.Both(TLanes.AtLeast(code, zero), TLanes.AtLeast(max, code)), gradient, zero);
    }
}

/// <summary>The gradient where x lies between two bounds, which stand in the places of scale and zero point; 0 elsewhere.</summary>
internal readonly struct InsideGradient : IUniformStep
{
    public static bool ReadsGradient => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes, TNumber>(TLanes x, TLanes gradient, TLanes s, TLanes z, TLanes max)
        where TLanes : struct, ILanes<TLanes, TNumber>
        where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber> =>
        TLanes.Select(TLanes.Both(TLanes.AtLeast(x, s), TLanes.AtLeast(z, x)), gradient, TLanes.All(TNumber.Zero));
}
