using System.Globalization;
using IsVit.Core.Imaging;
using IsVit.Core.Samples;
using IsVit.Model.Imaging;
using TorchSharp;

namespace IsVit.Tool.Inputs;

/// <summary>Images by the folders and files that the user gave.</summary>
internal static class ImageInput
{
    /// <summary>Calibration draws its images from this shuffle, so that runs of different seeds see the same ones.</summary>
    private const long CalibrationShuffle = 0;

    /// <summary>The most bytes of test images to keep: 3,500 colour images of 224 pixels.</summary>
    private const long MemoryBudget = 2L << 30;

    /// <summary>The first images of a fixed shuffle of a folder, class folders included.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="count">How many; all if there are fewer.</param>
    /// <exception cref="ImageException">There is no such folder, or it holds no image.</exception>
    public static ImageList Calibration(string folder, int count)
    {
        var all = ImageFolder.Read(folder, recursive: true).Shuffle(CalibrationShuffle);
        return all.Take(Math.Min(count, all.Count));
    }

    /// <summary>How many images there are, in words.</summary>
    /// <param name="calibration">Calibration images.</param>
    /// <param name="asked">How many of them were asked for.</param>
    /// <param name="test">Test images.</param>
    public static string Describe(int calibration, int asked, int test) => string.Create(
        CultureInfo.InvariantCulture, $"{calibration} calibration images{(calibration < asked ? $" (all there are; {asked} were asked for)" : "")}, {test} test images");

    /// <summary>Reads images as a model wants them, batch by batch, into memory.</summary>
    /// <param name="images">The files.</param>
    /// <param name="preprocessing">What the model wants.</param>
    /// <param name="loading">How files are read.</param>
    /// <param name="device">Where the model runs.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <returns>Batches of [images, channels, height, width], to be disposed.</returns>
    public static InMemorySamples Load(ImageList images, ImagePreprocessing preprocessing, ImageLoaderOptions loading, torch.Device device, CancellationToken cancellationToken)
    {
        return InMemorySamples.Read(new ImageFileSource(images, preprocessing, loading), device: device, cancellationToken: cancellationToken);
    }

    /// <summary>
    /// Test images: those that a CSV of labels names, else a tree of class folders, else a folder without labels.
    /// </summary>
    /// <param name="folder">The folder, or null for that of the CSV.</param>
    /// <param name="labels">The CSV of labels, or null.</param>
    /// <param name="classCount">The number of the model's classes; null if no model is asked.</param>
    /// <returns>Null if neither was given.</returns>
    /// <exception cref="ImageException">A folder or file is missing, empty or broken, or class folders are not those of the model.</exception>
    public static ImageList? Test(string? folder, string? labels, int? classCount)
    {
        if (labels is not null)
        {
            return LabelCsv.Read(labels, folder);
        }

        if (folder is null)
        {
            return null;
        }

        return HasClassFolders(folder) ? ClassFolder.Read(folder, classCount) : ImageFolder.Read(folder);
    }

    /// <summary>How files are read: an image that cannot be read ends the run, or is left out and named, once.</summary>
    /// <param name="skipUnreadable">Whether it is left out.</param>
    /// <param name="report">Where it is named.</param>
    public static ImageLoaderOptions Loading(bool skipUnreadable, TextWriter report)
    {
        var named = new HashSet<string>(StringComparer.Ordinal);
        return new ImageLoaderOptions
        {
            Unreadable = skipUnreadable ? UnreadableImage.Skip : UnreadableImage.Throw,
            OnSkipped = error =>
            {
                if (named.Add(error.Message))
                {
                    report.WriteLine($"isvit: skipped: {error.Message}");
                }
            },
        };
    }

    /// <summary>
    /// Reads files as a model wants them, for images that are looked at after every stage: they stay in memory unless they take more than <see cref="MemoryBudget"/>.
    /// </summary>
    /// <param name="images">The files.</param>
    /// <param name="preprocessing">What the model wants.</param>
    /// <param name="loading">How files are read.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    public static IImageSource OpenForRepeatedUse(ImageList images, ImagePreprocessing preprocessing, ImageLoaderOptions loading, CancellationToken cancellationToken)
    {
        var source = new ImageFileSource(images, preprocessing, loading);
        var bytes = (long)sizeof(float) * images.Count * preprocessing.ChannelCount * preprocessing.ImageSize * preprocessing.ImageSize;
        return bytes <= MemoryBudget ? TensorImageSource.Load(source, cancellationToken) : source;
    }

    /// <summary>Checks that every label is one of a model's classes.</summary>
    /// <param name="images">The images, or null.</param>
    /// <param name="classCount">The model's classes.</param>
    /// <exception cref="ToolException">One is not.</exception>
    public static void RequireLabelsInRange(ImageList? images, int classCount)
    {
        if (images?.FirstOrDefault(i => i.Label >= classCount) is { } wrong)
        {
            throw new ToolException($"{wrong.Path}: label {wrong.Label}, but the model has {classCount} classes (0 to {classCount - 1}).");
        }
    }

    private static bool HasClassFolders(string folder) =>
        Directory.Exists(folder)
        && Directory.EnumerateDirectories(folder).Any(d => !Path.GetFileName(d).StartsWith('.'))
        && !ImageFolderHasFiles(folder);

    private static bool ImageFolderHasFiles(string folder)
    {
        try
        {
            return ImageFolder.Read(folder).Count > 0;
        }
        catch (ImageException)
        {
            return false;
        }
    }
}
