using System.Globalization;
using IsVit.Detection.Coco;
using IsVit.Detection.Drawing;
using IsVit.Detection.Evaluation;
using IsVit.Tool.Cli;
using IsVit.Tool.Data;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using Spectre.Console;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What <c>isvit detect</c> was asked for.</summary>
/// <param name="Images">The image files.</param>
/// <param name="Model">The detector's name; null for that in the quantized file.</param>
/// <param name="Weights">Its float weights, or null.</param>
/// <param name="Quantized">A saved quantized detector, or null.</param>
/// <param name="Classes">The number of classes, or null for that in the quantized file or the detector's own.</param>
/// <param name="Score">The least score.</param>
/// <param name="Output">The folder of results.</param>
internal sealed record DetectArguments(IReadOnlyList<string> Images, string? Model, string? Weights, string? Quantized, int? Classes, double Score, string Output);

/// <summary><c>isvit detect</c>: what a detector finds in images.</summary>
internal static class DetectRun
{
    private const string ResultsFile = "results.json";

    private static readonly DetectionPictureOptions s_plain = new() { Scale = 1 };

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops between two images.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, DetectArguments arguments, CancellationToken cancellationToken)
    {
        var source = Source(arguments);

        var names = arguments.Images.Select(static path => Path.GetFileNameWithoutExtension(path)).ToList();
        if (names.GroupBy(static name => name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(static group => group.Count() > 1) is { } twice)
        {
            throw new ToolException($"{twice.Count()} images are called '{twice.Key}'; their pictures would replace each other.");
        }

        using var folder = OutputFolder.Create(arguments.Output);
        var (detector, quantized) = source.Load(torch.CPU);
        using var ownedDetector = detector;
        using var ownedQuantized = quantized;
        using var noGrad = torch.no_grad();
        var categories = Categories(detector.ClassCount);
        long[] ids = [.. categories.Select(static category => category.Id)];
        string[] classNames = [.. categories.Select(static category => category.Name)];
        var results = new List<CocoResult>();
        var table = new ToolTable("image", "objects", "best");
        for (var i = 0; i < arguments.Images.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();

            // Decoded once: what is looked at is also what is drawn on.
            var picture = DetectionPicture.Draw(arguments.Images[i], [], s_plain);
            using var input = source.Preset.Preprocessing.Prepare(picture.Rgb, picture.Height, picture.Width);
            using var found = detector.call(input)[0];
            var kept = CocoDetections.Of(found, ImageId(names[i], i), ids).TakeWhile(result => result.Score >= arguments.Score).ToList();
            results.AddRange(kept);
            var objects = DrawnObject.Of(found, classNames, arguments.Score);
            DetectionPicture.Draw(picture.Rgb.Span, picture.Width, picture.Height, objects).Save(folder.PathOf($"{names[i]}.png"));
            table.AddRow(
                arguments.Images[i],
                kept.Count.ToString(CultureInfo.InvariantCulture),
                string.Join(", ", objects.Take(3).Select(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Name} {one.Score:F2}"))));
        }

        CocoResults.Save(folder.PathOf(ResultsFile), results);
        table.Write(console.Ansi);
        console.Out.WriteLine($"Pictures and {ResultsFile}: {folder.Commit()}");
        return ExitCode.Success;
    }

    // COCO's files are called by their ids.
    private static long ImageId(string name, int index) => long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : index + 1;

    private static DetectorSource Source(DetectArguments arguments)
    {
        var preset = arguments.Model is null ? null : DetectorSource.Find(arguments.Model);
        return (arguments.Weights, arguments.Quantized) switch
        {
            ({ } weights, null) => DetectorSource.OfWeights(preset?.Name ?? throw new ToolException("--weights do not say which detector they are of; give --model."), weights, arguments.Classes),
            (null, { } quantized) => DetectorSource.OfQuantized(quantized, preset?.Name, arguments.Classes),
            _ => throw new ToolException("give either --weights or --quantized."),
        };
    }

    // As many classes as COCO or the demonstration has are taken for theirs.
    private static IReadOnlyList<CocoCategory> Categories(int count) => count switch
    {
        80 => CocoCategories.All,
        10 => [.. FashionMnist.Classes.Select(static (name, i) => new CocoCategory(i + 1, name))],
        _ => [.. Enumerable.Range(1, count).Select(static id => new CocoCategory(id, string.Create(CultureInfo.InvariantCulture, $"class {id - 1}")))],
    };
}
