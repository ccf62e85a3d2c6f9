using System.Runtime.Intrinsics.X86;

namespace IsVit.Runtime.Products;

/// <summary>
/// The innermost loops for one kind of processor. Each computes a tile, six rows of the left operand times one panel of the right one or <see cref="WidePanels"/> of them, and writes [6, 16 x panels] sums.
/// All kinds compute the same integers.
/// </summary>
internal sealed unsafe class Tiles
{
    /// <summary>The number of rows of a tile.</summary>
    public const int Rows = 6;

    private Tiles(string name, bool isSupported)
    {
        Name = name;
        IsSupported = isSupported;
    }

    /// <summary>Plain C#.</summary>
    public static Tiles Scalar { get; } = new("scalar", true)
    {
        WidePanels = 1,
        WideBytes = &ScalarTiles.Bytes1, Bytes = &ScalarTiles.Bytes1, Dots = &ScalarTiles.Dots1,
        WideShorts = &ScalarTiles.Shorts1, Shorts = &ScalarTiles.Shorts1,
        WideFloats = &ScalarTiles.Floats1, Floats = &ScalarTiles.Floats1,
    };

    /// <summary>Vectors of 128 bits, whatever the processor: what Arm computes with.</summary>
    public static Tiles Vector128 { get; } = new("128-bit vectors", System.Runtime.Intrinsics.Vector128.IsHardwareAccelerated)
    {
        WidePanels = 1,
        WideBytes = &Vector128Tiles.Bytes1, Bytes = &Vector128Tiles.Bytes1,
        WideShorts = &Vector128Tiles.Shorts1, Shorts = &Vector128Tiles.Shorts1,
        WideFloats = &Vector128Tiles.Floats1, Floats = &Vector128Tiles.Floats1,
    };

    /// <summary>AVX2 and FMA.</summary>
    public static Tiles Avx2 { get; } = new("AVX2", System.Runtime.Intrinsics.X86.Avx2.IsSupported && Fma.IsSupported)
    {
        WidePanels = 1,
        WideBytes = &Avx2Tiles.Bytes1, Bytes = &Avx2Tiles.Bytes1,
        WideShorts = &Avx2Tiles.Shorts1, Shorts = &Avx2Tiles.Shorts1,
        WideFloats = &Avx2Tiles.Floats1, Floats = &Avx2Tiles.Floats1,
    };

    /// <summary>AVX2 with the dot products of AVX-VNNI.</summary>
    public static Tiles AvxVnni { get; } = new("AVX-VNNI", Avx2.IsSupported && System.Runtime.Intrinsics.X86.AvxVnni.IsSupported)
    {
        WidePanels = 1,
        Dots = &VnniTiles.Dots1,
        WideShorts = &Avx2Tiles.Shorts1, Shorts = &Avx2Tiles.Shorts1,
        WideFloats = &Avx2Tiles.Floats1, Floats = &Avx2Tiles.Floats1,
    };

    /// <summary>AVX-512BW.</summary>
    public static Tiles Avx512 { get; } = new("AVX-512", Avx512BW.IsSupported && Avx2.IsSupported)
    {
        WidePanels = 4,
        WideBytes = &Avx512Tiles.Bytes4, Bytes = &Avx512Tiles.Bytes1,
        WideShorts = &Avx512Tiles.Shorts4, Shorts = &Avx512Tiles.Shorts1,
        WideFloats = &Avx512Tiles.Floats4, Floats = &Avx512Tiles.Floats1,
    };

    /// <summary>AVX-512BW, with the dot products of AVX-VNNI where 16 bits do not hold the sums.</summary>
    public static Tiles Avx512Vnni { get; } = new("AVX-512 and AVX-VNNI", Avx512.IsSupported && AvxVnni.IsSupported)
    {
        WidePanels = 4,
        WideBytes = &Avx512Tiles.Bytes4, Bytes = &Avx512Tiles.Bytes1, Dots = &VnniTiles.Dots1,
        WideShorts = &Avx512Tiles.Shorts4, Shorts = &Avx512Tiles.Shorts1,
        WideFloats = &Avx512Tiles.Floats4, Floats = &Avx512Tiles.Floats1,
    };

    /// <summary>All kinds that this processor has, slowest first.</summary>
    public static IReadOnlyList<Tiles> Supported { get; } = [.. new[] { Scalar, Vector128, Avx2, AvxVnni, Avx512, Avx512Vnni }.Where(static tiles => tiles.IsSupported)];

    /// <summary>The fastest kind that this processor has.</summary>
    public static Tiles Best => Supported[^1];

    /// <summary>What the tiles are called in messages and reports.</summary>
    public string Name { get; }

    /// <summary>Whether this processor has their instructions.</summary>
    public bool IsSupported { get; }

    /// <summary>The number of panels of a wide tile.</summary>
    public required int WidePanels { get; init; }

    /// <summary>Bytes times bytes with 16-bit sums, which are widened after each run of steps; null if <see cref="Dots"/> are always faster.</summary>
    public delegate*<byte*, nint, sbyte*, nint, int, int, int*, void> WideBytes { get; init; }

    /// <summary>The same with one panel.</summary>
    public delegate*<byte*, nint, sbyte*, nint, int, int, int*, void> Bytes { get; init; }

    /// <summary>Bytes times bytes with 32-bit sums, one panel; null if there is no instruction for it.</summary>
    public delegate*<byte*, nint, sbyte*, nint, int, int*, void> Dots { get; init; }

    /// <summary>16-bit numbers times bytes with 32-bit sums.</summary>
    public required delegate*<short*, nint, sbyte*, nint, int, int*, void> WideShorts { get; init; }

    /// <summary>The same with one panel.</summary>
    public required delegate*<short*, nint, sbyte*, nint, int, int*, void> Shorts { get; init; }

    /// <summary>Floats.</summary>
    public required delegate*<float*, nint, float*, nint, int, float*, void> WideFloats { get; init; }

    /// <summary>The same with one panel.</summary>
    public required delegate*<float*, nint, float*, nint, int, float*, void> Floats { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
