using BenchmarkDotNet.Attributes;
using IsVit.Runtime.Products;

namespace IsVit.Benchmarks.Runtime;

/// <summary>The products of a DeiT-Tiny block over the tokens of an image on one core, with the fastest loops of the processor; the baseline is the same product in float32.</summary>
public class IntegerProducts
{
    private ProductWork _codes = null!;
    private ProductWork _bytes = null!;
    private ProductWork _levels = null!;

    [ParamsSource(nameof(Shapes))]
    public ProductShape Shape { get; set; } = null!;

    public static IEnumerable<ProductShape> Shapes => ProductShape.All.Skip(1);

    [GlobalSetup]
    public void Setup() => (_codes, _bytes, _levels) = (
        ProductWork.OfCodes(Tiles.Best, Shape, 4, 4),
        ProductWork.OfCodes(Tiles.Best, Shape, 8, 8),
        ProductWork.OfLevels(Tiles.Best, Shape));

    [Benchmark(Baseline = true, Description = "float32")]
    public void Floats() => _codes.Floats();

    [Benchmark(Description = "codes of 4 bits, weights of 4")]
    public void FourBits() => _codes.Integers();

    [Benchmark(Description = "codes of 8 bits, weights of 8")]
    public void EightBits() => _bytes.Integers();

    [Benchmark(Description = "16-bit levels, weights of 8")]
    public void Levels() => _levels.Integers();
}
