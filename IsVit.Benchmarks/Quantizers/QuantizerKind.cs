using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.FreeLevels;
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

    public const string FreeTensor = "free levels per tensor";
    public const string FreeChannel = "free levels per channel";
    public const string RowTables = "a table of levels per row";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Compiled, FreeTensor, FreeChannel, RowTables];

    /// <summary>Those whose time on a CUDA device is guarded.</summary>
    public static IReadOnlyList<string> Compiled => [UniformTensor, UniformChannel, UniformRow, Log2, SulqFree, SulqPowerOfTwo];

    /// <summary>Whether all numbers have the same levels.</summary>
    public static bool IsPerTensor(string kind) => kind is not (UniformChannel or UniformRow or FreeChannel or RowTables);

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
        FreeTensor => new FreeLevelsQuantizer(bits, Granularity.Tensor),
        FreeChannel => new ScaledLevelsQuantizer(bits, Granularity.Channel(-1)),
        RowTables => new ChannelLevelsQuantizer(bits, Granularity.Channel(0)),
        _ => throw new ArgumentException($"'{kind}' is no quantizer of these benchmarks; they are {string.Join(", ", All)}.", nameof(kind)),
    };
}
