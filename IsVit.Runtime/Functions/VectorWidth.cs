using System.Runtime.Intrinsics;

namespace IsVit.Runtime.Functions;

/// <summary>How many bits the vectors of a pass have. All widths give the same bits; a width that the processor lacks is computed in software.</summary>
internal enum VectorWidth
{
    Bits128 = 128,
    Bits256 = 256,
    Bits512 = 512,
}

/// <summary>What the processor has.</summary>
internal static class VectorWidths
{
    /// <summary>The widest vectors that the processor works on at once.</summary>
    public static VectorWidth Widest => Vector512.IsHardwareAccelerated ? VectorWidth.Bits512
        : Vector256.IsHardwareAccelerated ? VectorWidth.Bits256
        : VectorWidth.Bits128;
}
