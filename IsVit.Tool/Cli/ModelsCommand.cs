using System.CommandLine;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit models</c>.</summary>
internal static class ModelsCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var command = new Command("models", "List the models that have names, for --model.");
        command.SetAction(_ => ModelsRun.Run(console));
        return command;
    }
}
