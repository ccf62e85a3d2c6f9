using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Architecture;

/// <summary>What the README says about the build is what continuous integration does.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public void Readme_TestCommand_IsTheOneThatCiRuns()
    {
        const string command = "dotnet test -c Release";

        Assert.Contains($"\n{command}\n", Read("README.md"), StringComparison.Ordinal);
        Assert.Contains($"\n{command} 2>&1 |", Read(".ci", "run"), StringComparison.Ordinal);
    }

    private static string Read(params string[] path) => File.ReadAllText(Path.Combine([RepositoryRoot.Path, .. path])).ReplaceLineEndings("\n");
}
