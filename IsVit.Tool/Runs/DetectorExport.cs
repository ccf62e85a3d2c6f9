using System.Globalization;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Models;
using IsVit.Onnx;
using IsVit.Optimization;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit export</c> of a detector, whose name says what a file of weights or of codes belongs to.</summary>
internal static class DetectorExport
{
    /// <summary>Writes the file.</summary>
    /// <param name="preset">The detector.</param>
    /// <param name="arguments">What was asked for.</param>
    public static void Write(DetectorPreset preset, ExportArguments arguments)
    {
        if (arguments.Weights is null == arguments.Quantized is null)
        {
            throw new ToolException($"{preset.Name} is a detector: give either --weights or --quantized.");
        }

        using var detector = preset.Create(arguments.ClassCount);
        detector.eval();
        var options = new OnnxExportOptions
        {
            DetectorPreprocessing = preset.Preprocessing,
            Kernels = arguments.Kernels,
            Metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["isvit.model"] = preset.Name, ["isvit.classes"] = detector.ClassCount.ToString(CultureInfo.InvariantCulture) },
        };
        if (arguments.Quantized is { } codes)
        {
            using var quantized = QuantizedModel.Load(codes, ModelForward.Of(detector));
            if (arguments.Format == ExportRun.Packed)
            {
                quantized.Save(arguments.Output);
                return;
            }

            OnnxExport.Save(quantized, arguments.Output, options);
            return;
        }

        if (arguments.Format == ExportRun.Packed)
        {
            throw new ToolException($"--format {ExportRun.Packed} holds codes, which a float model has none of; quantize it first.");
        }

        StateDict.Load(detector, arguments.Weights!);
        OnnxExport.Save(detector, arguments.Output, options);
    }
}
