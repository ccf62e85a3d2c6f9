using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Scenes;
using IsVit.Detection.Training;
using IsVit.Tests.Detection.Scenes;
using TorchSharp;

namespace IsVit.Tests.Detection.Training;

public sealed class TrainingBatchTests
{
    [Theory]
    [InlineData(-1, 2.0, 16, "Object 0 of image 0 has label -1; expected 0 or more.")]
    [InlineData(0, 1.0, 16, "Object 0 of image 0 has the box (1, 0, 1, 3); expected finite x1 < x2 and y1 < y2.")]
    [InlineData(0, double.NaN, 16, "Object 0 of image 0 has the box (1, 0, NaN, 3); expected finite x1 < x2 and y1 < y2.")]
    [InlineData(0, 2.0, 15, "Object 0 of image 0 has a mask of 15 pixels; expected 4 x 4.")]
    public void Create_BrokenObject_SaysWhatIsWrong(int label, double right, int pixels, string expected)
    {
        using var images = torch.zeros(1, 3, 4, 4);
        var error = Assert.Throws<ArgumentException>(() => new TrainingBatch(new DetectorInput(images), [[new TrainingObject(label, 1, 0, right, 3, new byte[pixels])]]));

        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_ObjectsOfAnotherNumberOfImages_IsRefused()
    {
        using var images = torch.zeros(1, 3, 4, 4);

        Assert.StartsWith("There are objects of 2 images; expected those of 1.", Assert.Throws<ArgumentException>(() => new TrainingBatch(new DetectorInput(images), [[], []])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_OfScenes_HasTheirPixelsAndObjects()
    {
        var composer = new SceneComposer(SpriteArt.Assortment(), new SceneOptions { Side = 64, MaxObjectSide = 40 });
        Scene[] scenes = [composer.Compose(0), composer.Compose(1)];
        using var batch = SceneBatches.Batch(scenes);

        var values = batch.Input.Images.data<float>().ToArray();
        Assert.Equal([2L, 3, 64, 64], batch.Input.Images.shape);
        for (var i = 0; i < values.Length; i++)
        {
            var (image, channel, pixel) = (i / (3 * 64 * 64), i / (64 * 64) % 3, i % (64 * 64));
            Assert.Equal((scenes[image].Rgb[(pixel * 3) + channel] - 127.5) / 64, values[i], 1e-6);
        }

        Assert.Equal(
            scenes.Select(static scene => scene.Objects.Select(static found => (found.Label, found.X1, found.Y1, found.X2, found.Y2))),
            batch.Objects.Select(static objects => objects.Select(static found => (found.Label, found.X1, found.Y1, found.X2, found.Y2))));
        Assert.Same(scenes[1].Objects[0].Mask, System.Runtime.InteropServices.MemoryMarshal.TryGetArray(batch.Objects[1][0].Mask, out var segment) ? segment.Array : null);
    }

    [Fact]
    public void Input_ScenesOfTwoSizes_IsRefused()
    {
        var sprites = SpriteArt.Assortment();
        Scene[] scenes = [new SceneComposer(sprites).Compose(0), new SceneComposer(sprites, new SceneOptions { Side = 96 }).Compose(0)];

        Assert.StartsWith("There are 2 scenes of the sizes 128 x 128, 96 x 96; expected one or more of one size.", Assert.Throws<ArgumentException>(() => SceneBatches.Input(scenes)).Message, StringComparison.Ordinal);
    }
}
