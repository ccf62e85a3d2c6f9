using System.Diagnostics;
using System.Globalization;
using IsVit.Core.Imaging;
using IsVit.Detection.Coco;
using IsVit.Detection.Evaluation;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Tool.Inputs;
using TorchSharp;

namespace IsVit.Tool.Evaluation;

/// <summary>Images with COCO's annotations, on which detectors are scored one image at a time, as MMDetection tests: in a batch the padding of small images would change what is found in them.</summary>
internal sealed class CocoImages
{
    private readonly string _annotations;
    private readonly string _folder;
    private readonly ImageLoaderOptions _loading;
    private readonly Action<string> _warn;
    private readonly CocoDataset _all;
    private readonly List<CocoImage> _images;
    private readonly HashSet<long> _otherSizes = [];
    private CocoDataset _truth;

    private CocoImages(string annotations, string folder, ImageLoaderOptions loading, Action<string> warn, CocoDataset all, List<CocoImage> images)
    {
        (_annotations, _folder, _loading, _warn, _all, _images) = (annotations, folder, loading, warn, all, images);
        _truth = Truth();
    }

    /// <summary>The number of images.</summary>
    public int Count => _images.Count;

    /// <summary>The number of classes of objects.</summary>
    public int ClassCount => _all.Categories.Count;

    /// <summary>Reads annotations, and makes sure that detectors can be scored with them and that the images are there.</summary>
    /// <param name="annotations">A file of instance annotations.</param>
    /// <param name="folder">The folder that its images are in; null for its own.</param>
    /// <param name="count">How many of its images, in its order; null for all.</param>
    /// <param name="loading">How images are read: whether those that cannot be are left out, with what is known of the objects in them.</param>
    /// <param name="warn">Hears what is suspicious.</param>
    /// <exception cref="CocoException">The file cannot be read, or detectors cannot be scored with it.</exception>
    /// <exception cref="ToolException">It lists no image or no category, or an image that is not there.</exception>
    public static CocoImages Open(string annotations, string? folder, int? count, ImageLoaderOptions loading, Action<string> warn)
    {
        var all = CocoDataset.Read(annotations);
        foreach (var warning in all.Warnings)
        {
            warn($"{annotations}: {warning}");
        }

        // Of images with one id the last counts.
        var images = all.Images.GroupBy(static image => image.Id).Select(static group => group.Last()).Take(count ?? int.MaxValue).ToList();
        if (images.Count == 0 || all.Categories.Count == 0)
        {
            throw new ToolException($"{annotations}: lists no {(images.Count == 0 ? "image" : "category")}.");
        }

        var place = folder ?? Path.GetDirectoryName(Path.GetFullPath(annotations))!;
        RequireFiles(annotations, place, images, loading, warn);
        var opened = new CocoImages(annotations, place, loading, warn, all, images);
        opened.RequireMasks();
        return opened;
    }

    /// <summary>Checks that classes are those of a detector.</summary>
    /// <param name="classCount">The detector's number of classes.</param>
    /// <exception cref="ToolException">They are not.</exception>
    public void RequireClasses(int classCount)
    {
        if (classCount != ClassCount)
        {
            throw new ToolException(FormattableString.Invariant($"{_annotations}: has {ClassCount} categories, and the detector {classCount} classes; expected as many, the classes in the order of the categories' ids."));
        }
    }

    /// <summary>Detects and compares.</summary>
    /// <param name="detector">The detector, float or quantized, in evaluation mode.</param>
    /// <param name="preprocessing">What it wants.</param>
    /// <param name="device">Where it is.</param>
    /// <param name="cancellationToken">Stops between two images.</param>
    /// <exception cref="ImageException">An image cannot be read, and is not to be left out.</exception>
    /// <exception cref="ToolException">None can be read.</exception>
    public DetectionScores Measure(Detector detector, DetectorPreprocessing preprocessing, torch.Device device, CancellationToken cancellationToken)
    {
        using var noGradient = torch.no_grad();
        var clock = Stopwatch.StartNew();
        var categories = CocoDetections.CategoryIds(_all);
        var results = new List<CocoResult>();
        var unreadable = new List<CocoImage>();
        foreach (var image in _images)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            using var input = DetectorImages.TryRead(Path.Combine(_folder, image.FileName), preprocessing, device, _loading);
            if (input is null)
            {
                unreadable.Add(image);
                continue;
            }

            WarnOfSize(image, input.Geometries[0]);
            using var found = detector.call(input)[0];
            results.AddRange(CocoDetections.Of(found, image.Id, categories));
        }

        var duration = clock.Elapsed;
        LeaveOut(unreadable);
        return new DetectionScores(
            CocoEvaluator.Evaluate(_truth, results, CocoOverlap.Boxes, cancellation: cancellationToken),
            CocoEvaluator.Evaluate(_truth, results, CocoOverlap.Masks, cancellation: cancellationToken),
            Count,
            duration);
    }

    private static void RequireFiles(string annotations, string folder, List<CocoImage> images, ImageLoaderOptions loading, Action<string> warn)
    {
        if (images.Find(static image => image.FileName.Length == 0) is { } nameless)
        {
            throw new ToolException(FormattableString.Invariant($"{annotations}: image {nameless.Id} has no file_name."));
        }

        var absent = images.Where(image => !File.Exists(Path.Combine(folder, image.FileName))).ToList();
        if (absent.Count == 0)
        {
            return;
        }

        var what = FormattableString.Invariant($"{Path.Combine(folder, absent[0].FileName)}: no such file{(absent.Count == 1 ? "" : $", nor are {absent.Count - 1} others there")} of the {images.Count} images of {annotations}");
        if (loading.Unreadable == UnreadableImage.Throw || absent.Count == images.Count)
        {
            throw new ToolException($"{what}; --images is the folder that they are in.");
        }

        warn($"{what}; left out.");
        images.RemoveAll(absent.Contains);
    }

    // What keeps masks from being scored would else be known when all images are seen.
    private void RequireMasks()
    {
        try
        {
            CocoEvaluator.Evaluate(_truth, [], CocoOverlap.Masks);
        }
        catch (CocoException error) when (error.FilePath is null)
        {
            throw new ToolException($"{_annotations}: {error.Message}", error);
        }
    }

    // Boxes and masks of the objects of an image that was not seen would count as missed.
    private void LeaveOut(List<CocoImage> unreadable)
    {
        if (unreadable.Count > 0)
        {
            _images.RemoveAll(unreadable.Contains);
            _truth = _images.Count > 0 ? Truth() : throw new ToolException("there is no readable image to evaluate with.");
        }
    }

    private CocoDataset Truth()
    {
        if (_images.Count == _all.Images.Count)
        {
            return _all;
        }

        var ids = _images.Select(static image => image.Id).ToHashSet();
        return new CocoDataset(_images, _all.Categories, _all.Annotations.Where(annotation => ids.Contains(annotation.ImageId)));
    }

    private void WarnOfSize(CocoImage image, ImageGeometry geometry)
    {
        if (image is { Width: > 0, Height: > 0 } && (image.Width != geometry.OriginalWidth || image.Height != geometry.OriginalHeight) && _otherSizes.Add(image.Id))
        {
            _warn(string.Create(
                CultureInfo.InvariantCulture,
                $"{Path.Combine(_folder, image.FileName)}: has {geometry.OriginalWidth} x {geometry.OriginalHeight} pixels, and {image.Width} x {image.Height} in {_annotations}; its masks match none."));
        }
    }
}
