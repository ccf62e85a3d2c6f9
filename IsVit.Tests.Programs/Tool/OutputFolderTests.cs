using IsVit.Tests.TestSupport;
using IsVit.Tool;
using IsVit.Tool.Terminal;

namespace IsVit.Tests.Programs.Tool;

public sealed class OutputFolderTests
{
    [Fact]
    public void Commit_MovesFilesAndReplacesOldOnes()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["out"]);
        File.WriteAllText(folder["out/a"], "old");
        File.WriteAllText(folder["out/b"], "kept");
        using (var output = OutputFolder.Create(folder["out"]))
        {
            File.WriteAllText(output.PathOf("a"), "new");
            Assert.Equal("old", File.ReadAllText(folder["out/a"]));
            Assert.Equal(folder["out"], output.Commit());
        }

        Assert.Equal(["out", "out/a", "out/b"], folder.Entries);
        Assert.Equal("new", File.ReadAllText(folder["out/a"]));
    }

    [Fact]
    public void Dispose_WithoutCommit_LeavesNothing()
    {
        using var folder = new TemporaryFolder();
        using (var output = OutputFolder.Create(folder["out/"]))
        {
            File.WriteAllText(output.PathOf("a"), "new");
        }

        Assert.Empty(folder.Entries);
    }

    [Fact]
    public void Create_WhereAFileIs_IsAnError()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["out"], "");

        Assert.Throws<ToolException>(() => OutputFolder.Create(folder["out"]));
    }
}
