using IsVit.Core.Quantization;
using IsVit.Quantizers.Log2;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.Uniform;

namespace IsVit.Benchmarks.Quantizers;

/// <summary>The quantizers that are measured, by name.</summary>
internal static class QuantizerKind
{
    public const string UniformTensor = "uniform per tensor";
    public const string UniformChannel = "uniform per channel";
    public const string UniformRow = "uniform per row";
    public const string Log2 = "log2";
    public const string SulqFree = "sulq free";
    public const string SulqPowerOfTwo = "sulq power of two";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [UniformTensor, UniformChannel, UniformRow, Log2, SulqFree, SulqPowerOfTwo];

    /// <summary>Whether the numbers are a Softmax's.</summary>
    public static bool IsLogarithmic(string kind) => kind is Log2 or SulqFree or SulqPowerOfTwo;

    public static IQuantizer Create(string kind, int bits) => kind switch
    {
        UniformTensor => new UniformQuantizer(bits, Granularity.Tensor),
        UniformChannel => new UniformQuantizer(bits, Granularity.Channel(-1)),
        UniformRow => new UniformQuantizer(bits, Granularity.Channel(0)),
        Log2 => new Log2Quantizer(bits, Granularity.Tensor),
        SulqFree => new ShiftUniformLog2Quantizer(bits, Granularity.Tensor),
        SulqPowerOfTwo => new ShiftUniformLog2Quantizer(bits, Granularity.Tensor, new() { Levels = SulqLevels.PowerOfTwo }),
        _ => throw new ArgumentException($"'{kind}' is no quantizer of these benchmarks; they are {string.Join(", ", All)}.", nameof(kind)),
    };
}
