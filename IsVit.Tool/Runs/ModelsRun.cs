using System.Globalization;
using IsVit.Core.Models;
using IsVit.Detection.Models;
using IsVit.Model.Architectures;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit models</c>: the catalogues.</summary>
internal static class ModelsRun
{
    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console)
    {
        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
        var classifiers = new ToolTable("classifier", "kind", "pixels", "patch", "classes", "million parameters") { Dispensable = ["patch", "pixels"] };
        foreach (var preset in ModelCatalog.Names.Select(ModelCatalog.Find))
        {
            var shape = preset.Options;
            classifiers.AddRow(
                preset.Name,
                Kind(shape),
                Text(shape.ImageSize),
                Text(shape.PatchSize),
                Text(shape.ClassCount),
                (ParameterCount.Of(shape) / 1e6).ToString("F1", CultureInfo.InvariantCulture));
        }

        var detectors = new ToolTable("detector", "kind", "blocks", "classes");
        foreach (var preset in DetectorCatalog.Names.Select(DetectorCatalog.Find))
        {
            var backbone = preset.Options.Backbone;
            detectors.AddRow(
                preset.Name,
                preset.Options is CascadeMaskRcnnOptions ? "Cascade Mask R-CNN, Swin" : "Mask R-CNN, Swin",
                Text(backbone.Depths.Sum()),
                Text(preset.Options.ClassCount));
        }

        classifiers.Write(console.Ansi);
        detectors.Write(console.Ansi);
        console.Out.WriteLine("Other sizes, heads and tags: --image-size, --classes, and timm's full names such as deit_tiny_patch16_224.fb_in1k.");
        console.Out.WriteLine("Weights with a config.json, such as a model hub's snapshot, need no name. Without classes a model outputs features.");
        return Cli.ExitCode.Success;
    }

    private static string Kind(ModelOptions shape) => shape is VisionTransformerOptions vit
        ? string.Join(", ", [
            "ViT",
            .. vit.Distilled ? (string[])["distilled"] : [],
            .. vit.LayerScale is null ? (string[])[] : ["layer scale"],
            .. vit.RegisterTokenCount == 0 ? (string[])[] : [FormattableString.Invariant($"{vit.RegisterTokenCount} registers")]])
        : "Swin";
}
