using System.CommandLine;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit inspect</c>.</summary>
internal static class InspectCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var file = new Argument<string>("FILE") { Description = $"A {QuantizeRun.ModelFile}, an .onnx file, or float weights: a file, or the folder of a model hub's snapshot" };
        var model = PathOptions.Optional("--model", "NAME", "Of float weights: the model that they should fit, by its name in the catalogue");
        var command = new Command("inspect", "Show what a model's file holds: bits, quantizers and sizes, layer by layer; of float weights the tensors, what they are of, and what would be missing.") { file, model };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => InspectRun.Run(console, parsed.GetRequiredValue(file), parsed.GetValue(model)), cancellationToken));
        return command;
    }
}
