using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Scenes;
using IsVit.Detection.Training;
using IsVit.Tests.Detection.Scenes;
using TorchSharp;

namespace IsVit.Tests.Detection.Training;

/// <summary>Small things to train with.</summary>
internal static class TrainingCases
{
    public static MaskRcnnOptions MaskRcnn { get; } = new()
    {
        Backbone = new() { EmbedDim = 8, Depths = [1, 1], HeadCounts = [1, 2], WindowSize = 4, DropPathRate = 0 },
        ClassCount = 10,
        PyramidChannels = 12,
        AnchorScale = 5,
        AnchorsPerLevel = 50,
        ProposalCount = 30,
        FinestScale = 32,
        BoxHeadWidth = 24,
        MaskConvolutions = 1,
        MaskChannels = 8,
    };

    public static CascadeMaskRcnnOptions Cascade { get; } = new()
    {
        Backbone = MaskRcnn.Backbone,
        ClassCount = 10,
        PyramidChannels = 12,
        AnchorScale = 5,
        AnchorsPerLevel = 50,
        ProposalCount = 30,
        FinestScale = 32,
        BoxConvolutions = 1,
        BoxChannels = 8,
        BoxHeadWidth = 24,
        MaskConvolutions = 1,
        MaskChannels = 8,
    };

    /// <summary>A batch of scenes of 64 x 64 pixels.</summary>
    public static TrainingBatch Scenes(int count)
    {
        var composer = new SceneComposer(SpriteArt.Assortment(), new SceneOptions { Side = 64, MinObjects = 2, MaxObjects = 3, MinObjectSide = 20, MaxObjectSide = 40 });
        return SceneBatches.Batch([.. Enumerable.Range(0, count).Select(i => composer.Compose(i))]);
    }

    /// <summary>A batch of one black image with objects given by label and box, whose masks are the pixels of the boxes.</summary>
    public static TrainingBatch Image(int height, int width, params (int Label, double X1, double Y1, double X2, double Y2)[] objects) => new(
        new DetectorInput(torch.zeros(1, 3, height, width)),
        [[.. objects.Select(found => new TrainingObject(found.Label, found.X1, found.Y1, found.X2, found.Y2, Box(height, width, found.X1, found.Y1, found.X2, found.Y2)))]]);

    private static byte[] Box(int height, int width, double x1, double y1, double x2, double y2) =>
        [.. Enumerable.Range(0, height * width).Select(i => i % width >= x1 && i % width < x2 && i / width >= y1 && i / width < y2 ? (byte)1 : (byte)0)];
}
