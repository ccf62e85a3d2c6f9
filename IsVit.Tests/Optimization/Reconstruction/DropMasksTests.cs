using IsVit.Optimization.Reconstruction;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

public sealed class DropMasksTests
{
    [Theory]
    [InlineData(0.5)]
    [InlineData(0.25)]
    [InlineData(0.9)]
    public void Next_OfAnyShape_HasThatShareOfOnes(double probability)
    {
        using var scope = NewDisposeScope();
        using var masks = new DropMasks(probability, new Random(3));
        foreach (var shape in new long[][] { [40_000], [200, 50, 20], [100, 100, 100], [7, 6000] })
        {
            var mask = masks.Next(zeros(shape));

            Assert.Equal(shape, mask.shape);
            Assert.True(mask.eq(0).logical_or(mask.eq(1)).all().item<bool>());
            Assert.Equal(probability, mask.mean().item<float>(), 0.015);
        }
    }

    /// <summary>Numbers are drawn once, not for each mask.</summary>
    [Fact]
    public void Next_Smaller_DrawsNoMore()
    {
        using var scope = NewDisposeScope();
        var random = new CountingRandom();
        using var masks = new DropMasks(0.5, random);
        masks.Next(zeros(1000, 10));
        var drawn = random.Bytes;

        masks.Next(zeros(1000, 10));
        masks.Next(zeros(300));

        Assert.InRange(drawn, 10_000, 20_000);
        Assert.Equal(drawn, random.Bytes);
    }

    /// <summary>Two masks of independent numbers agree in half of them.</summary>
    [Fact]
    public void Next_Again_IsAnother()
    {
        using var scope = NewDisposeScope();
        using var masks = new DropMasks(0.5, new Random(4));
        var like = zeros(100_000);
        var first = masks.Next(like);

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(0.5, first.eq(masks.Next(like)).to(float64).mean().item<double>(), 0.02);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void Next_OfAnotherType_IsOfThatType(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var masks = new DropMasks(0.5, new Random(5));
        masks.Next(zeros(10));

        Assert.Equal(type, masks.Next(zeros(4, dtype: type)).dtype);
    }

    private sealed class CountingRandom() : Random(6)
    {
        public long Bytes { get; private set; }

        public override void NextBytes(byte[] buffer)
        {
            Bytes += buffer.Length;
            base.NextBytes(buffer);
        }
    }
}
