using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using IsVit.Tests.Documentation;

namespace IsVit.Tests.Notebooks;

/// <summary>Notebooks do what they show: every cell runs in .NET Interactive, on packages of this source.</summary>
public sealed partial class NotebookTests
{
    // Set by build/run-notebooks, which writes what cells give into the files and begins each notebook in a kernel of its own.
    private static readonly bool s_writes = Environment.GetEnvironmentVariable("ISVIT_WRITE_NOTEBOOKS") == "1";

    public static TheoryData<string> Names { get; } = [.. Notebook.Names];

    /// <summary>One kernel for all of them, because most of the time goes into starting it.</summary>
    [Fact]
    public async Task EveryCell_InTheKernel_RunsWithoutError()
    {
        InteractiveKernel? kernel = null;
        try
        {
            foreach (var name in Notebook.Names)
            {
                if (s_writes)
                {
                    kernel?.Dispose();
                    kernel = null;
                }

                kernel ??= await InteractiveKernel.StartAsync(Notebook.Folder);
                await RunAsync(kernel, name);
            }

            if (OperatingSystem.IsLinux())
            {
                // At most the patched library, and whole.
                Assert.DoesNotContain(kernel!.FilesOfUser, static file => file.StartsWith("IsVit", StringComparison.Ordinal) && !file.EndsWith("libLibTorchSharp.so", StringComparison.Ordinal));
            }
        }
        finally
        {
            kernel?.Dispose();
        }
    }

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

    private static async Task RunAsync(InteractiveKernel kernel, string name)
    {
        var notebook = Notebook.Read(name);
        var number = 0;
        foreach (var cell in notebook.CodeCells)
        {
            var result = await kernel.RunAsync(cell.Source);
            number++;
            if (!s_writes && result.Error is null && cell.Tags.Contains("parameters"))
            {
                result = await kernel.RunAsync(QuickValues().Match(cell.Source) is { Success: true } quick ? quick.Groups[1].Value : throw new InvalidDataException($"{name} has parameters, but no '// The tests take less: ...'."));
            }

            Assert.True(result.Error is null, FormattableString.Invariant($"{name}, code cell {number}:\n{cell.Source}\n\n{result.Error}"));
            cell.Write(result.Outputs.Where(IsKept), number);
        }

        Assert.Contains(notebook.CodeCells, static cell => cell.OutputText.Contains("<th>", StringComparison.Ordinal));
        if (s_writes)
        {
            notebook.Save();
        }
    }

    // Where packages were found is of no interest to others; a display that only its updates fill is empty.
    private static bool IsKept(JsonObject output) => output["data"]?.AsObject().All(static text => text.Value!.AsArray().Count == 0) != true && !output.ToJsonString().Contains("Loading extension", StringComparison.Ordinal);

    [GeneratedRegex(@"(?<![\w.])/(root|home|Users|tmp|work)/|[A-Z]:\\\\")]
    private static partial Regex MachinePath();

    [GeneratedRegex("(src|href)=\\\\?[\"'](https?:)?//")]
    private static partial Regex Remote();

    [GeneratedRegex(@"^// The tests take less: (.+)$", RegexOptions.Multiline)]
    private static partial Regex QuickValues();

    [GeneratedRegex("#r \"nuget: ([^,\"]+), ([^\"]+)\"")]
    private static partial Regex PackageReference();

    [GeneratedRegex(@"^Check\(", RegexOptions.Multiline)]
    private static partial Regex CheckCall();
}
