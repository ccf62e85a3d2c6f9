using System.Globalization;
using IsVit.Onnx;
using IsVit.Onnx.Quantization;
using IsVit.Tool.Inputs;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit export</c> of a detector.</summary>
internal static class DetectorExport
{
    /// <summary>Writes the file.</summary>
    /// <param name="source">The detector.</param>
    /// <param name="arguments">What was asked for.</param>
    public static void Write(DetectorSource source, ExportArguments arguments)
    {
        if (arguments.Format == ExportRun.Packed && !source.IsQuantized)
        {
            throw new ToolException($"--format {ExportRun.Packed} holds codes, which a float model has none of; quantize it first.");
        }

        var (detector, quantized) = source.Load(torch.CPU);
        using var ownedDetector = detector;
        using var ownedQuantized = quantized;
        if (quantized is null)
        {
            OnnxExport.Save(detector, arguments.Output, Options(source, arguments.Kernels));
        }
        else if (arguments.Format == ExportRun.Onnx)
        {
            OnnxExport.Save(quantized, arguments.Output, Options(source, arguments.Kernels));
        }
        else if (source.Saved is { } saved)
        {
            saved.Write(quantized, arguments.Output);
        }
        else
        {
            quantized.Save(arguments.Output);
        }
    }

    /// <summary>What the tool writes into an exported detector's file beside the graph.</summary>
    /// <param name="source">The detector.</param>
    /// <param name="kernels">The form of a quantized model's products.</param>
    private static OnnxExportOptions Options(DetectorSource source, OnnxKernels kernels)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["isvit.model"] = source.Preset.Name,
            ["isvit.classes"] = source.ClassCount.ToString(CultureInfo.InvariantCulture),
        };
        if (source.Saved is { } saved)
        {
            metadata["isvit.method"] = saved.Method;
            metadata["isvit.seed"] = saved.Seed.ToString(CultureInfo.InvariantCulture);
        }

        return new() { DetectorPreprocessing = source.Preset.Preprocessing, Kernels = kernels, Metadata = metadata };
    }
}
