using System.Text.RegularExpressions;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Architecture;

/// <summary>What the README shows is what the build compiles and what continuous integration runs.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string s_readme = Read("README.md");

    [Fact]
    public void Readme_CSharpExample_IsTheCompiledSample()
    {
        Match block = Example().Match(s_readme);

        Assert.True(block.Success);
        Assert.Equal(Read("samples", "Quantize", "Program.cs"), block.Groups[1].Value);
    }

    [Fact]
    public void Readme_TestCommand_IsTheOneThatCiRuns()
    {
        const string command = "dotnet test -c Release";

        Assert.Contains($"\n{command}\n", s_readme, StringComparison.Ordinal);
        Assert.Contains($"\n{command} 2>&1 |", Read(".ci", "run"), StringComparison.Ordinal);
    }

    [Fact]
    public void Readme_RelativeLinks_LeadToFiles()
    {
        string[] links = [.. Links().Matches(s_readme).Select(m => m.Groups[1].Value).Where(link => !link.Contains("://", StringComparison.Ordinal))];

        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(Path.Exists(Path.Combine(RepositoryRoot.Path, link)), $"{link} does not exist."));
    }

    private static string Read(params string[] path) => File.ReadAllText(Path.Combine([RepositoryRoot.Path, .. path])).ReplaceLineEndings("\n");

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();

    [GeneratedRegex(@"\]\(([^)#]+)")]
    private static partial Regex Links();
}
