using IsVit.Tool.Cli;
using IsVit.Tool.Terminal;

namespace IsVit.Tests.Programs.Tool;

/// <summary>One run of the tool inside the test's process, as from a script: output is not a terminal.</summary>
/// <param name="ExitCode">What the process would return.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    public static async Task<ToolRun> Of(params string[] args) => await Of(CancellationToken.None, args);

    public static async Task<ToolRun> Of(CancellationToken cancellationToken, params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var code = await ToolApplication.RunAsync(args, new ToolConsole(output, error, isInteractive: false), cancellationToken);
        return new ToolRun(code, output.ToString(), error.ToString());
    }

    /// <summary>Asserts that the run refused: exit code 2, one line on standard error that holds the text, nothing else.</summary>
    public void AssertRefused(string expected)
    {
        Assert.Contains(expected, Error, StringComparison.Ordinal);
        Assert.Equal(1, Error.Count(c => c == '\n'));
        Assert.StartsWith("isvit: ", Error, StringComparison.Ordinal);
        Assert.Equal(2, ExitCode);
    }
}
