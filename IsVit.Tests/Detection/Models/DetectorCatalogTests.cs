using IsVit.Detection.Models;

namespace IsVit.Tests.Detection.Models;

public sealed class DetectorCatalogTests
{
    [Fact]
    public void Names_AreThoseOfThePublishedConfigurationsAndTheDemo() => Assert.Equal(
        ["mask_rcnn_swin_tiny", "mask_rcnn_swin_small", "cascade_mask_rcnn_swin_tiny", "cascade_mask_rcnn_swin_small", "swin_micro_mask_rcnn"], DetectorCatalog.Names);

    /// <summary>Parameters of the published models: 48, 69, 86 and 107 million (Liu et al., arXiv 2103.14030, table 2, and its repository).</summary>
    [Theory]
    [InlineData("mask_rcnn_swin_tiny", 47.8e6, 80)]
    [InlineData("mask_rcnn_swin_small", 69.1e6, 80)]
    [InlineData("cascade_mask_rcnn_swin_tiny", 85.6e6, 80)]
    [InlineData("cascade_mask_rcnn_swin_small", 106.9e6, 80)]
    [InlineData("swin_micro_mask_rcnn", 0.93e6, 10)]
    public void Create_Name_HasTheParametersOfTheModel(string name, double parameters, int classes)
    {
        using var detector = DetectorCatalog.Create(name);

        Assert.Equal(classes, detector.ClassCount);
        Assert.InRange(detector.parameters().Sum(static p => p.numel()), 0.99 * parameters, 1.01 * parameters);
    }

    [Fact]
    public void Create_ClassCount_ReplacesThePresets()
    {
        using var detector = DetectorCatalog.Create(DetectorCatalog.Demo, classCount: 3);

        Assert.Equal(3, detector.ClassCount);
    }

    [Fact]
    public void Find_UnknownName_ListsTheClosestFirst() => Assert.StartsWith(
        "There is no detector 'mask_rcnn_swin_tny'. Closest first, there are: mask_rcnn_swin_tiny, ",
        Assert.Throws<ArgumentException>(static () => DetectorCatalog.Find("mask_rcnn_swin_tny")).Message,
        StringComparison.Ordinal);
}
