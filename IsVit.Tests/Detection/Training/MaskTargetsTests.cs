using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Training;
using TorchSharp;

namespace IsVit.Tests.Detection.Training;

public sealed class MaskTargetsTests
{
    private const int Side = 28;

    [Fact]
    public void Of_ObjectsOfTwoImages_EqualTheMeanOfBilinearSamplesAgainstOneHalf()
    {
        using var scope = torch.NewDisposeScope();
        using var batch = TrainingCases.Scenes(2);
        var random = new Random(3);
        float[][] proposals = [.. Enumerable.Range(0, 2).Select(image => batch.BoxesOf(image).Select(edge => (float)Math.Clamp(edge + (3 * random.NextDouble()) - 1.5, 0, 64)).ToArray())];
        var sample = SampledRegions.Draw(proposals, batch, 0.5, new DetectorTrainingOptions { PositiveRegionShare = 1 }, 10, random);
        var targets = MaskTargets.Of(sample, batch, Side).data<float>().ToArray();

        var masks = batch.Objects.SelectMany(static objects => objects).Select(static found => found.Mask).ToArray();
        Assert.Contains(sample.Objects, index => index >= batch.Objects[0].Count);
        Assert.True(sample.Objects.Count > masks.Length);
        var seen = 0f;
        for (var i = 0; i < sample.Objects.Count; i++)
        {
            var box = sample.Rois.Skip((int)sample.Positives[i] * 5).Skip(1).Take(4).ToArray();
            for (var bin = 0; bin < Side * Side; bin++)
            {
                var share = Pooled(masks[sample.Objects[i]].Span, 64, box, bin % Side, bin / Side);
                var target = targets[(i * Side * Side) + bin];
                Assert.True(Math.Abs(share - 0.5) < 1e-5 || target == (share >= 0.5 ? 1 : 0), $"Region {i}, bin {bin}: {share} became {target}.");
                seen += target;
            }
        }

        Assert.InRange(seen / targets.Length, 0.3f, 0.9f);
    }

    /// <summary>Regions are clipped to their image, whose padding its masks do not reach.</summary>
    [Fact]
    public void Of_RegionBeyondASmallerImage_IsClipped()
    {
        using var scope = torch.NewDisposeScope();
        byte[] mask = [.. Enumerable.Range(0, 20 * 12).Select(static i => i % 12 >= 6 ? (byte)1 : (byte)0)];
        using var batch = new TrainingBatch(new DetectorInput(torch.zeros(1, 3, 32, 32), [new ImageGeometry(20, 12)]), [[new TrainingObject(0, 6, 0, 12, 20, mask)]]);
        var sample = SampledRegions.Draw([[0, 0, 16, 20]], batch, 0.2, new DetectorTrainingOptions { PositiveRegionShare = 1 }, 1, new Random(0));
        var targets = MaskTargets.Of(sample, batch, 4);

        Assert.Equal([0f, 0, 1, 1], targets[1][0].data<float>().ToArray());
    }

    // RoIAlign by its definition: samples at regular places of the bin, one at least for each pixel of it.
    private static double Pooled(ReadOnlySpan<byte> mask, int width, float[] box, int column, int row)
    {
        double binWidth = (box[2] - box[0]) / (double)Side, binHeight = (box[3] - box[1]) / (double)Side;
        int across = (int)Math.Ceiling(binWidth), down = (int)Math.Ceiling(binHeight);
        var sum = 0.0;
        for (var i = 0; i < down; i++)
        {
            for (var k = 0; k < across; k++)
            {
                sum += Bilinear(mask, width, box[0] - 0.5 + (binWidth * (column + ((k + 0.5) / across))), box[1] - 0.5 + (binHeight * (row + ((i + 0.5) / down))));
            }
        }

        return sum / (across * down);
    }

    private static double Bilinear(ReadOnlySpan<byte> mask, int width, double x, double y)
    {
        (x, y) = (Math.Clamp(x, 0, width - 1), Math.Clamp(y, 0, width - 1));
        int left = Math.Min((int)x, width - 2), top = Math.Min((int)y, width - 2);
        double right = x - left, bottom = y - top;
        return (mask[(top * width) + left] * (1 - right) * (1 - bottom)) + (mask[(top * width) + left + 1] * right * (1 - bottom))
            + (mask[((top + 1) * width) + left] * (1 - right) * bottom) + (mask[((top + 1) * width) + left + 1] * right * bottom);
    }
}
