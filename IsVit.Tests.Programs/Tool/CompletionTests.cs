using System.Diagnostics;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Tool;

/// <summary>What a shell completes.</summary>
public sealed class CompletionTests
{
    [Theory]
    [InlineData("quantize --dry", "--dry-run")]
    [InlineData("quantize --effort q", "quick")]
    [InlineData("completion ba", "bash")]
    public async Task Suggest_PartOfALine_GivesWhatFits(string line, string expected)
    {
        var run = await ToolRun.Of(FormattableString.Invariant($"[suggest:{line.Length}]"), line);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains(expected, run.Output.Split('\n'));
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _isvit isvit")]
    [InlineData("zsh", "compdef _isvit isvit")]
    [InlineData("pwsh", "Register-ArgumentCompleter")]
    public async Task Completion_Shell_PrintsItsScript(string shell, string expected) => Assert.Contains(expected, (await ToolRun.Of("completion", shell)).Output, StringComparison.Ordinal);

    [Fact]
    public async Task Completion_AnotherShell_IsRefused() => (await ToolRun.Of("completion", "tcsh")).AssertRefused("Argument 'tcsh' not recognized. Must be one of:");

    /// <summary>The script in a real bash, with a tool that answers what it was asked.</summary>
    [Theory]
    [InlineData("./isvit quantize --method is", "isvit isvit-released|[suggest:26]|isvit quantize --method is")]
    [InlineData("isvit ", "bench isvit isvit-released --method -h|[suggest:6]|isvit ")]
    public async Task Completion_Bash_OffersWhatTheToolSuggests(string line, string expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/bin/bash"), "Needs bash.");
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["isvit"], "#!/bin/bash\nprintf '%s|%s' \"$1\" \"$2\" > asked\nprintf '%s\\n' bench isvit isvit-released --method -h '-?' /h\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder["isvit"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        File.WriteAllText(
            folder["test.sh"],
            $$"""
            PATH="$PWD:$PATH"
            {{(await ToolRun.Of("completion", "bash")).Output}}
            COMP_LINE={{Quoted(line)}}
            COMP_POINT=${#COMP_LINE}
            COMP_WORDS=({{line}} {{(line.EndsWith(' ') ? "''" : "")}})
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
            _isvit
            printf '%s|%s' "${COMPREPLY[*]}" "$(cat asked)"
            """);
        using var bash = Process.Start(new ProcessStartInfo("/bin/bash", ["--noprofile", "--norc", "test.sh"]) { WorkingDirectory = folder.Path, RedirectStandardOutput = true })!;

        var said = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(expected, said);
    }

    private static string Quoted(string text) => $"'{text}'";
}
