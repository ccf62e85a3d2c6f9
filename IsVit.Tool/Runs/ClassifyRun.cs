using System.Globalization;
using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Models.Pretrained;
using IsVit.Tool.Cli;
using IsVit.Tool.Data;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What <c>isvit classify</c> was asked for.</summary>
/// <param name="Images">Image files, and folders of them.</param>
/// <param name="Quantized">A quantized model's file, or null for the float model alone.</param>
/// <param name="Weights">Float weights, or null.</param>
/// <param name="Pretrained">What is not to be taken from the files of weights.</param>
/// <param name="Preparation">How images are prepared otherwise than the model's files say.</param>
/// <param name="Top">The number of classes of each image.</param>
/// <param name="ClassNames">The file of the classes' names, or null.</param>
/// <param name="Predictions">The CSV to write, or null.</param>
/// <param name="SkipUnreadable">Whether images that cannot be read are left out instead of ending the run.</param>
/// <param name="Device">Where the models run.</param>
internal sealed record ClassifyArguments(
    IReadOnlyList<string> Images, string? Quantized, string? Weights, PretrainedModelOptions Pretrained, PreparationChoice Preparation, int Top, string? ClassNames, string? Predictions, bool SkipUnreadable, torch.Device Device);

/// <summary><c>isvit classify</c>: what a classifier says of images.</summary>
internal static class ClassifyRun
{
    // Of more images the file tells more than a table.
    private const int MostShown = 20;

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, ClassifyArguments arguments, CancellationToken cancellationToken)
    {
        if (arguments.Predictions is not null)
        {
            OutputFile.RequireWritable(arguments.Predictions, "--predictions");
        }

        var files = new ImageList(arguments.Images.SelectMany(static path => Directory.Exists(path) ? ImageFolder.Read(path) : (IEnumerable<ImageItem>)[new ImageItem(path)]));
        using var source = Open(console, arguments);
        if (source.ClassCount == 0)
        {
            throw new ToolException($"{source.Preset.Name} has no head and outputs features, not classes.");
        }

        using var reference = arguments is { Quantized: { } file, Weights: { } weights } ? Reference(source, file, weights, arguments.Device) : null;
        var names = ClassNames(arguments.ClassNames, source);
        var images = new ImageFileSource(files, source.Preset.Preprocessing, ImageInput.Loading(arguments.SkipUnreadable, console.Error));
        var predictions = Predictions.Of(source.Module, reference, images, arguments.Top, arguments.Device, cancellationToken);
        if (predictions.Count == 0)
        {
            throw new ToolException("there is no readable image to classify.");
        }

        Show(console, predictions, names, arguments.Predictions is null ? int.MaxValue : MostShown * arguments.Top);
        if (arguments.Predictions is { } csv)
        {
            OutputFile.Write(csv, PredictionCsv.Text(predictions, names));
            console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"saved {csv}: {predictions.Count} answers"));
        }

        return ExitCode.Success;
    }

    private static ClassifierSource Open(ToolConsole console, ClassifyArguments arguments) => arguments switch
    {
        { Quantized: { } quantized } => ClassifierSource.OfQuantized(quantized, arguments.Preparation, arguments.Device),
        { Weights: { } weights } => ClassifierSource.OfWeights(weights, arguments.Pretrained, arguments.Preparation, arguments.Device, console.Error),
        _ => throw new ToolException("there is no model to ask; give --quantized, or --weights with --model where the weights do not say it."),
    };

    private static ImageClassifier Reference(ClassifierSource source, string quantized, string weights, torch.Device device)
    {
        var model = ModelInput.LoadBeside(quantized, source.Preset, source.ClassCount, weights);
        model.to(device);
        return model;
    }

    private static IReadOnlyList<string>? ClassNames(string? path, ClassifierSource source)
    {
        if (path is not null)
        {
            string[] names = File.Exists(path) ? File.ReadAllLines(path) : throw new ToolException($"{path}: no such file.");
            return names.Length == source.ClassCount
                ? names
                : throw new ToolException(string.Create(CultureInfo.InvariantCulture, $"{path}: has {names.Length} lines; expected one for each of the model's {source.ClassCount} classes."));
        }

        // What the catalogue's models are trained for.
        return source switch
        {
            { Classes.Count: > 0 } => source.Classes,
            { Preset.Name: ModelCatalog.Demo or ModelCatalog.DemoSwin } when source.ClassCount == FashionMnist.Classes.Count => FashionMnist.Classes,
            _ when source.ClassCount == ImageNetSynsets.All.Count => ImageNetSynsets.All,
            _ => null,
        };
    }

    private static void Show(ToolConsole console, IReadOnlyList<Prediction> predictions, IReadOnlyList<string>? names, int most)
    {
        static string Percent(double? probability) => ReportTable.Figure(100 * probability, "F2");
        var table = new ToolTable("image", "class", "name", "%", "float %");
        foreach (var one in predictions.Take(most))
        {
            table.AddRow(one.Rank == 1 ? one.Path : "", one.Class.ToString(CultureInfo.InvariantCulture), names?[one.Class] ?? "", Percent(one.Probability), Percent(one.FloatProbability));
        }

        table.Write(console.Ansi);
    }
}
