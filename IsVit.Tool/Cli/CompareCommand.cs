using System.CommandLine;
using IsVit.Reports;
using IsVit.Tool.Runs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit compare</c>.</summary>
internal static class CompareCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var first = new Argument<string>("FIRST") { Description = $"A folder that 'quantize --report' wrote, or its {ModelReports.JsonFile}" };
        var second = new Argument<string>("SECOND") { Description = "Another" };
        var output = PathOptions.Optional("--output", "FILE", "The file to write the comparison to as a page to look at");
        var json = PathOptions.Optional("--json", "FILE", "The file to write the comparison to as numbers");
        var command = new Command("compare", "Compare two reports: scores, errors of units and sites, sensitivities, the loss around weights, latencies, and what differs between the runs.") { first, second, output, json };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => CompareRun.Run(console, parsed.GetRequiredValue(first), parsed.GetRequiredValue(second), parsed.GetValue(output), parsed.GetValue(json)),
            cancellationToken));
        return command;
    }
}
