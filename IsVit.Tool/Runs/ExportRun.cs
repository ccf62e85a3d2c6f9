using System.Globalization;
using IsVit.Core.Models;
using IsVit.Core.Models.Pretrained;
using IsVit.Detection.Models;
using IsVit.Model.Architectures;
using IsVit.Onnx;
using IsVit.Onnx.Quantization;
using IsVit.Tool.Cli;
using IsVit.Tool.Inputs;
using IsVit.Tool.Terminal;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What <c>isvit export</c> was asked for.</summary>
/// <param name="Quantized">The file that <c>isvit quantize</c> saved or a saved quantized detector, or null for a float model.</param>
/// <param name="Model">The name of a float model or of a detector in its catalogue, or null.</param>
/// <param name="Weights">Its weights, or null.</param>
/// <param name="ClassCount">Its number of classes; null: the model's own.</param>
/// <param name="Format"><see cref="ExportRun.Onnx"/> or <see cref="ExportRun.Packed"/>.</param>
/// <param name="Kernels">For ONNX: the form of a quantized model's products.</param>
/// <param name="Output">The file to write.</param>
internal sealed record ExportArguments(string? Quantized, string? Model, string? Weights, int? ClassCount, string Format, OnnxKernels Kernels, string Output);

/// <summary><c>isvit export</c>: a model as a file that other programs run.</summary>
internal static class ExportRun
{
    /// <summary>The format of ONNX.</summary>
    public const string Onnx = "onnx";

    /// <summary>The library's own format.</summary>
    public const string Packed = "packed";

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, ExportArguments arguments)
    {
        OutputFile.RequireWritable(arguments.Output, "--output");
        if (Detector(arguments) is { } detector)
        {
            DetectorExport.Write(detector, arguments);
        }
        else if (arguments.Quantized is not null && (arguments.Model ?? arguments.Weights) is not null)
        {
            throw new ToolException("--quantized is a whole model; leave out --model and --weights.");
        }
        else if (arguments.Quantized is { } file)
        {
            ExportQuantized(RunDescription.Read(file), file, arguments);
        }
        else if (arguments.Weights is { } weights)
        {
            ExportFloat(console, weights, arguments);
        }
        else
        {
            throw new ToolException("there is nothing to export; give --quantized, or --weights.");
        }

        console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"saved {arguments.Output}: {new FileInfo(arguments.Output).Length / 1e6:F2} MB"));
        return ExitCode.Success;
    }

    // Null for a classifier, and for what makes no whole.
    private static DetectorSource? Detector(ExportArguments arguments) => arguments switch
    {
        { Quantized: { } file, Weights: null } when (arguments.Model is not { } given || DetectorCatalog.Names.Contains(given, StringComparer.Ordinal)) && ModelKinds.IsDetector(file, arguments.Model) =>
            DetectorSource.OfQuantized(file, arguments.Model, arguments.ClassCount),
        { Quantized: null, Model: { } name, Weights: { } weights } when ModelKinds.IsDetector(name) => DetectorSource.OfWeights(name, weights, arguments.ClassCount),
        _ => null,
    };

    private static void ExportQuantized(RunDescription saved, string file, ExportArguments arguments)
    {
        var (quantized, module) = saved.Load(file, torch.CPU);
        using var ownedModule = module;
        using var ownedQuantized = quantized;
        if (arguments.Format == Packed)
        {
            saved.Write(quantized, arguments.Output);
            return;
        }

        OnnxExport.Save(quantized, arguments.Output, Options(saved.Preset()) with
        {
            Kernels = arguments.Kernels,
            Metadata = Texts(saved.Preset(), ("isvit.method", saved.Method), ("isvit.seed", saved.Seed.ToString(CultureInfo.InvariantCulture))),
        });
    }

    private static void ExportFloat(ToolConsole console, string weights, ExportArguments arguments)
    {
        if (arguments.Format == Packed)
        {
            throw new ToolException($"--format {Packed} holds codes, which a float model has none of; quantize it first.");
        }

        using var source = ModelInput.Open(weights, new PretrainedModelOptions { Model = arguments.Model }, arguments.ClassCount, console.Out);
        var preset = source.Preset(PreparationChoice.Own);
        using var model = source.Load();
        OnnxExport.Save(model, arguments.Output, Options(preset) with { Metadata = Texts(preset) });
    }

    // A graph's shapes do not say how large windows are, which the float model beside it needs.
    private static Dictionary<string, string> Texts(ModelPreset preset, params ReadOnlySpan<(string Name, string Text)> more)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["isvit.model"] = preset.Name };
        if (preset.Options is SwinTransformerOptions swin)
        {
            texts[OnnxClassifier.WindowKey] = swin.WindowSize.ToString(CultureInfo.InvariantCulture);
        }

        foreach (var (name, text) in more)
        {
            texts[name] = text;
        }

        return texts;
    }

    private static OnnxExportOptions Options(ModelPreset preset) => new() { Preprocessing = preset.Preprocessing };
}
