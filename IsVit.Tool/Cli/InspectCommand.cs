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
        var file = new Argument<string>("FILE") { Description = $"A {QuantizeRun.ModelFile}, or an .onnx file" };
        var command = new Command("inspect", "Show what a model's file holds: bits, quantizers and sizes, layer by layer.") { file };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => InspectRun.Run(console, parsed.GetRequiredValue(file)), cancellationToken));
        return command;
    }
}
