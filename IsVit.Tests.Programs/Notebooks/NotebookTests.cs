using System.Text.RegularExpressions;
using IsVit.Tests.Programs.Documentation;

namespace IsVit.Tests.Programs.Notebooks;

/// <summary>Notebooks do what they show: every cell runs in .NET Interactive, on packages of this source.</summary>
public sealed partial class NotebookTests(NotebookRun run)
{
    public static TheoryData<string> Names { get; } = [.. Notebook.Names];

    /// <summary>One kernel for all of them, because most of the time goes into starting it.</summary>
    [Fact]
    public Task EveryCell_InTheKernel_RunsWithoutError() => run.Completion;

    [Theory]
    [MemberData(nameof(Names))]
    public void CommittedOutputs_AreThere_AndWithoutErrorsAndPathsOfAMachine(string name)
    {
        var cells = Notebook.Read(name).CodeCells.ToList();

        Assert.All(cells, static cell => Assert.DoesNotContain(cell.Outputs, static output => (string?)output!["output_type"] == "error"));
        Assert.All(cells, static cell => Assert.DoesNotMatch(MachinePath(), cell.OutputText));
        Assert.InRange(cells.Count(static cell => cell.Outputs.Count > 0), cells.Count / 2, cells.Count);
        Assert.Contains(cells, static cell => cell.OutputText.Contains("<svg", StringComparison.Ordinal) || cell.OutputText.Contains("data:image/png", StringComparison.Ordinal));
        Assert.DoesNotMatch(Remote(), string.Concat(cells.Select(static cell => cell.OutputText)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Packages_AreThoseOfThisSource(string name)
    {
        var first = Notebook.Read(name).CodeCells.First().Source;

        Assert.All(PackageReference().Matches(first).Where(static match => match.Groups[1].Value.StartsWith("IsVit.", StringComparison.Ordinal)), static match => Assert.Equal(NotebookPackages.Version, match.Groups[2].Value));
        Assert.Contains("#r \"nuget: IsVit.", first, StringComparison.Ordinal);
        Assert.Contains("#r \"nuget: libtorch-cpu-linux-x64, 2.10.0\"", first, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void LastCodeCell_ChecksWhatTheOthersFound(string name)
    {
        var last = Notebook.Read(name).CodeCells.Last();

        Assert.Contains("assert", last.Tags);
        Assert.True(CheckCall().Count(last.Source) >= 3, $"{name} checks {CheckCall().Count(last.Source)} values, expected 3 at least.");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ReadmeAndDocumentation_LinkToIt(string name)
    {
        Assert.Contains(Markdown.LocalLinks("README.md"), link => link == $"notebooks/{name}");
        Assert.Contains(Markdown.LocalLinks(Path.Combine("docs", "notebooks.md")), link => link == $"../notebooks/{name}");
    }

    [GeneratedRegex(@"(?<![\w.])/(root|home|Users|tmp|work)/|[A-Z]:\\\\")]
    private static partial Regex MachinePath();

    [GeneratedRegex("(src|href)=\\\\?[\"'](https?:)?//")]
    private static partial Regex Remote();

    [GeneratedRegex("#r \"nuget: ([^,\"]+), ([^\"]+)\"")]
    private static partial Regex PackageReference();

    [GeneratedRegex(@"^Check\(", RegexOptions.Multiline)]
    private static partial Regex CheckCall();
}
