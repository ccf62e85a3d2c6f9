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

    /// <summary>A run that is killed cannot delete what it wrote; the next one can, where it is sure.</summary>
    [Theory]
    [InlineData(int.MaxValue, true, false, true)]
    [InlineData(int.MaxValue, false, false, false)]
    [InlineData(int.MaxValue, true, true, false)]
    [InlineData(null, true, false, false)]
    public void Create_WhereARunWasKilled_DeletesWhatItLeft(int? process, bool isThisMachine, bool isHeld, bool isDeleted)
    {
        using var folder = new TemporaryFolder();
        var left = FormattableString.Invariant($"out.{process ?? Environment.ProcessId}-0123.tmp");
        folder.File($"{left}/.run", System.Text.Encoding.UTF8.GetBytes(isThisMachine ? Environment.MachineName : "another"));
        folder.File($"{left}/quantized.safetensors", [1]);
        folder.File("out.1-2.tmp.other/a", [1]);
        folder.File("other.2147483647-0123.tmp/.run", System.Text.Encoding.UTF8.GetBytes(Environment.MachineName));
        using var held = isHeld ? new FileStream(folder[$"{left}/.run"], FileMode.Open, FileAccess.ReadWrite, FileShare.None) : null;

        using (var output = OutputFolder.Create(folder["out"]))
        {
            File.WriteAllText(output.PathOf("a"), "new");
            output.Commit();
        }

        Assert.Equal(isDeleted, !Directory.Exists(folder[left]));
        Assert.Equal(["a"], Directory.GetFileSystemEntries(folder["out"]).Select(Path.GetFileName));
        Assert.True(File.Exists(folder["out.1-2.tmp.other/a"]));
        Assert.True(Directory.Exists(folder["other.2147483647-0123.tmp"]));
    }

    [Fact]
    public void Create_WhereAFileIs_IsAnError()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["out"], "");

        Assert.Throws<ToolException>(() => OutputFolder.Create(folder["out"]));
    }
}
