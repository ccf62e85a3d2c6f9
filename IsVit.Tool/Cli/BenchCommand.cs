using System.CommandLine;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit bench</c>.</summary>
internal static class BenchCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var quantized = PathOptions.Optional("--quantized", "FILE", $"The {QuantizeRun.ModelFile} whose formats are measured");
        var weights = PathOptions.Optional("--weights", "FILE", "The float model's weights, to compare with");
        var onnx = new Option<string[]>("--onnx") { Description = "More ONNX files to measure beside them", HelpName = "FILE", AllowMultipleArgumentsPerToken = true };
        var labels = ImageOptions.Labels();
        var images = ImageOptions.Images();
        var batch = new Option<int[]>("--batch") { Description = "Images at once, one table column each; 1 and 8 if not given", HelpName = "N", AllowMultipleArgumentsPerToken = true };
        batch.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<int[]>() is { } sizes && sizes.FirstOrDefault(static size => size is < 1 or > 1024, 1) is var wrong and not 1)
            {
                result.AddError($"--batch is {wrong}; allowed is 1 to 1024.");
            }
        });
        var rounds = Ranged.Int32("--rounds", "How often each is run; all take turns, and the median counts", 20, 1, 100_000);
        var threads = Ranged.OptionalInt32("--threads", "Threads of ONNX Runtime and IsVit.Runtime; all cores if not given", 1, 1024);
        var report = PathOptions.Optional("--report", "DIR", "The report of the model of --quantized, from 'quantize --report', to show the figures in");
        var command = new Command("bench", "Measure size and latency of a model's formats, and compare their answers.") { quantized, weights, onnx, labels, images, batch, rounds, threads, report };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => BenchRun.Run(
                console,
                new BenchArguments(
                    parsed.GetValue(quantized),
                    parsed.GetValue(weights),
                    parsed.GetValue(onnx) ?? [],
                    parsed.GetValue(images),
                    parsed.GetValue(labels),
                    parsed.GetValue(batch) is { Length: > 0 } sizes ? sizes : [1, 8],
                    parsed.GetValue(rounds),
                    parsed.GetValue(threads),
                    parsed.GetValue(report)),
                cancellationToken),
            CancellationToken.None));
        return command;
    }
}
