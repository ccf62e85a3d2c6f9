using System.CommandLine;
using IsVit.Detection.Quantization;

namespace IsVit.Tool.Cli;

/// <summary>Options that one kind of model has and another has not.</summary>
internal static class KindOptions
{
    /// <summary>The annotations that a detector is scored with.</summary>
    public static Option<string?> Coco() => PathOptions.Optional("--coco", "FILE", "Of a detector: the test images' objects, in COCO's format of instance annotations");

    /// <summary>The folder of test images of either kind of model.</summary>
    public static Option<string?> Images() => ImageOptions.Images("; of a detector the folder that the images of --coco are in, if it is not that of the file");

    /// <summary>The number of classes of either kind of model.</summary>
    public static Option<int?> Classes() => ModelOptions.Classes("the model's own or, of a detector, that of the categories of --coco");

    /// <summary>How many images a detector is scored on.</summary>
    public static Option<int?> TestCount() => Ranged.OptionalInt32("--test-count", "Of a detector: score on the first N images of --coco, in the file's order; all if not given", 1, int.MaxValue);

    /// <summary>The regions that box heads see.</summary>
    public static Option<int> BoxRegions() => Ranged.Int32("--box-regions", "Of a detector: regions of each calibration image that box heads are quantized on", new DetectorSampleOptions().BoxRegions, 1, 100_000);

    /// <summary>The regions that mask heads see.</summary>
    public static Option<int> MaskRegions() => Ranged.Int32("--mask-regions", "Of a detector: regions of each calibration image that mask heads are quantized on", new DetectorSampleOptions().MaskRegions, 1, 100_000);

    /// <summary>Whether each class has scores of its own.</summary>
    public static Option<bool> PerClass() => new("--per-class") { Description = "Of a detector: show the scores of each class as well" };

    /// <summary>Refuses an option that was given.</summary>
    /// <param name="parsed">What was given.</param>
    /// <param name="option">The option.</param>
    /// <param name="message">Why it cannot be.</param>
    /// <exception cref="ToolException">It was given.</exception>
    public static void Refuse(this ParseResult parsed, Option option, string message)
    {
        if (parsed.GetResult(option) is { Implicit: false })
        {
            throw new ToolException(message);
        }
    }

    /// <summary>Refuses options that are of detectors.</summary>
    /// <param name="parsed">What was given.</param>
    /// <param name="options">The options.</param>
    /// <exception cref="ToolException">One was given.</exception>
    public static void RefuseForClassifier(this ParseResult parsed, params ReadOnlySpan<Option> options)
    {
        foreach (var option in options)
        {
            parsed.Refuse(option, $"{option.Name} is of detectors, and the model is a classifier{(option.Name == "--coco" ? ", which takes --labels" : "")}.");
        }
    }

    /// <summary>Refuses options that are of classifiers.</summary>
    /// <param name="parsed">What was given.</param>
    /// <param name="options">The options, and why a detector has none.</param>
    /// <exception cref="ToolException">One was given.</exception>
    public static void RefuseForDetector(this ParseResult parsed, params ReadOnlySpan<(Option Option, string Reason)> options)
    {
        foreach (var (option, reason) in options)
        {
            parsed.Refuse(option, $"{option.Name} is of classifiers, and the model is a detector: {reason}.");
        }
    }
}
