using System.CommandLine;
using IsVit.Onnx.Quantization;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit export</c>.</summary>
internal static class ExportCommand
{
    private static readonly Dictionary<string, OnnxKernels> s_kernels = new(StringComparer.OrdinalIgnoreCase) { ["exact"] = OnnxKernels.Exact, ["fast"] = OnnxKernels.Fast };

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var quantized = PathOptions.Optional("--quantized", "FILE", $"The {QuantizeRun.ModelFile} that 'isvit quantize' or 'isvit demo' saved; with --model, a detector that another program saved");
        var model = PathOptions.Optional("--model", "NAME", "For a float model or a detector: its name in the catalogue, if its weights do not say it");
        var weights = PathOptions.Optional("--weights", "FILE", "For a float model or detector: its weights, or the folder of a model hub's snapshot");
        var classes = Ranged.OptionalInt32("--classes", "For a float model or a detector: the number of classes, if it is not the model's own", 1, 1_000_000);
        var format = new Option<string>("--format")
        {
            Description = $"{ExportRun.Onnx}: a graph for ONNX Runtime and others; {ExportRun.Packed}: this library's own file, codes at their true width",
            HelpName = "FORMAT",
            DefaultValueFactory = _ => ExportRun.Onnx,
        }.AcceptOnlyFromAmong(ExportRun.Onnx, ExportRun.Packed);
        var kernels = EngineOptions.OneOf(
            "--kernels", "For a quantized model in ONNX, whether it computes what the library does on every processor, or may saturate or round where ONNX Runtime's fastest kernels do", s_kernels, OnnxKernels.Exact);
        var output = PathOptions.Required("--output", "FILE", "The file to write");
        var command = new Command("export", "Write a quantized or a float model as a file that other programs run.")
        {
            quantized, model, weights, classes, format, kernels, output,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => ExportRun.Run(
                console,
                new ExportArguments(
                    parsed.GetValue(quantized),
                    parsed.GetValue(model),
                    parsed.GetValue(weights),
                    parsed.GetValue(classes),
                    parsed.GetRequiredValue(format),
                    parsed.GetValue(kernels),
                    parsed.GetRequiredValue(output))),
            cancellationToken));
        return command;
    }
}
