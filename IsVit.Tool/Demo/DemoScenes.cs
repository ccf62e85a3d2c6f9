using IsVit.Detection.Scenes;
using IsVit.Tool.Data;

namespace IsVit.Tool.Demo;

/// <summary>The scenes that the demo's detector is trained and measured with.</summary>
internal static class DemoScenes
{
    /// <summary>The number of held-out scenes.</summary>
    public const int TestCount = 500;

    /// <summary>Scenes without end from images of the training split.</summary>
    /// <param name="images">The images.</param>
    /// <param name="seed">Chooses the series.</param>
    public static SceneComposer Training(ImageSet images, int seed) => new(Sprites(images), new SceneOptions { Seed = seed });

    /// <summary>The held-out scenes: the same for everyone who has the same images.</summary>
    /// <param name="images">The test images that the demo keeps.</param>
    /// <param name="count">How many of the scenes, from the first.</param>
    public static IReadOnlyList<Scene> Test(ImageSet images, int count = TestCount)
    {
        var composer = new SceneComposer(Sprites(images), new SceneOptions());
        var scenes = new Scene[count];
        Parallel.For(0, count, i => scenes[i] = composer.Compose(i));
        return scenes;
    }

    /// <summary>Scenes to calibrate with, of images that are in no other.</summary>
    /// <param name="pixels">Images, [images, 28, 28].</param>
    /// <param name="count">How many scenes.</param>
    /// <param name="seed">Chooses the series.</param>
    public static IReadOnlyList<Scene> Calibration(byte[] pixels, int count, int seed)
    {
        var labels = new byte[pixels.Length / (FashionMnist.Size * FashionMnist.Size)];
        var composer = new SceneComposer(Sprites(new ImageSet(pixels, labels, FashionMnist.Size, FashionMnist.Size)), new SceneOptions { Seed = seed });
        return [.. Enumerable.Range(0, count).Select(i => composer.Compose(i))];
    }

    // An image that is nearly black shows nothing that could be found.
    private static List<Sprite> Sprites(ImageSet images)
    {
        var threshold = new SceneOptions().Threshold;
        var size = images.Height * images.Width;
        return [.. Enumerable.Range(0, images.Count)
            .Where(i => images.Image(i).IndexOfAnyInRange(threshold, byte.MaxValue) >= 0)
            .Select(i => new Sprite(images.Pixels.AsMemory(i * size, size), images.Width, images.Height, images.Labels[i]))];
    }
}
