using IsVit.Optimization.Observation;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Calibration;

public sealed class RandomViewsTests
{
    /// <summary>A view is a part of its image or of the mirror image: at least half of it, and nothing that is not in it.</summary>
    [Fact]
    public void Of_ARamp_AreCropsOfItOrItsMirror()
    {
        using var scope = NewDisposeScope();
        var ramp = linspace(0, 1, 64, float32).view(1, 1, 1, 64).expand(200, 2, 48, 64).contiguous();

        var views = RandomViews.Of(ramp, new Random(3));

        Assert.Equal(ramp.shape, views.shape);
        Assert.InRange(views.min().item<float>(), -1e-5f, 1);
        Assert.InRange(views.max().item<float>(), 0, 1.00001f);
        var span = (views.select(3, 63) - views.select(3, 0)).select(1, 0).select(1, 20);
        Assert.All(span.data<float>().ToArray(), static width => Assert.InRange(Math.Abs(width), 0.55f, 1));
        Assert.InRange(span.gt(0).sum().item<long>(), 60, 140);
        Assert.True(span.abs().std().item<float>() > 0.05f);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, 0.01)]
    [InlineData(ScalarType.Float16, 0.001)]
    [InlineData(ScalarType.Float64, 1e-5)]
    public void Of_OtherTypes_AreTheSameViews(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        var images = rand([6, 3, 20, 24], generator: new Generator(1));

        var views = RandomViews.Of(images.to(type), new Random(3));

        Assert.Equal(type, views.dtype);
        Assert.InRange((views.to(float32) - RandomViews.Of(images, new Random(3))).abs().max().item<float>(), 0, tolerance);
    }

    /// <summary>Each image gets one rectangle of one other image, from the same place, and gives one.</summary>
    [Fact]
    public void Mixed_PlainImages_HoldARectangleOfOneOther()
    {
        using var scope = NewDisposeScope();
        const int Count = 40;
        var images = (arange(Count, dtype: float32).view(Count, 1, 1, 1) * arange(1, 49, float32).view(1, 1, 48, 1)).expand(Count, 2, 48, 64).contiguous();

        var mixed = RandomViews.Mixed(images, new Random(3));

        Assert.Equal(images.shape, mixed.shape);
        var givers = new List<long>();
        for (var i = 0; i < Count; i++)
        {
            var changed = mixed[i].ne(images[i]);
            var rows = changed.any(0).any(1).nonzero().flatten().data<long>().ToArray();
            var columns = changed.any(0).any(0).nonzero().flatten().data<long>().ToArray();
            Assert.Equal(2L * rows.Length * columns.Length, changed.sum().item<long>());
            Assert.InRange(rows.Length * columns.Length / (48.0 * 64), 0.13, 0.56);
            var numbers = (mixed[i].select(0, 0)[rows[0], columns[0]] / (rows[0] + 1)).item<float>();
            givers.Add((long)Math.Round(numbers));
            var part = changed.to(float32);
            Assert.True(mixed[i].eq((images[i] * (1 - part)) + (images[(int)givers[^1]] * part)).all().item<bool>());
        }

        Assert.Equal(Enumerable.Range(0, Count).Select(static i => (long)i), givers.Order());
        Assert.DoesNotContain(true, givers.Select(static (giver, i) => giver == i));
    }
}
