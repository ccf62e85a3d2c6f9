using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Documentation;

/// <summary>The documentation's code is code that the build compiles, and its links lead somewhere.</summary>
public sealed class MarkdownTests
{
    public static TheoryData<string> Files { get; } = [.. Markdown.Files];

    [Theory]
    [MemberData(nameof(Files))]
    public void CodeBlock_OfAnyFile_IsTheTextOfABuiltFile(string file) => Assert.All(Markdown.CodeBlocks(file), block =>
    {
        Assert.True(block.Source is not null, $"{file}: a block names no source, '<!-- from PATH#NAME -->':\n{block.Code}");
        Assert.EndsWith(".cs", block.Source!.Split('#')[0], StringComparison.Ordinal);
        Assert.Equal(Markdown.Snippet(block.Source), block.Code);
    });

    [Theory]
    [MemberData(nameof(Files))]
    public void Link_ToAFile_FindsItAndItsHeading(string file) => Assert.All(Markdown.LocalLinks(file), link =>
    {
        var (path, anchor) = link.Split('#') is [var target, var heading] ? (target, heading) : (link, null);
        string folder = Path.GetDirectoryName(Path.Combine(RepositoryRoot.Path, file))!;
        string found = path.Length == 0 ? Path.Combine(RepositoryRoot.Path, file) : Path.GetFullPath(Path.Combine(folder, path));
        Assert.True(File.Exists(found) || Directory.Exists(found), $"{file} links to {link}, which is not there.");
        if (anchor is not null)
        {
            Assert.Contains(anchor, Markdown.Anchors(Path.GetRelativePath(RepositoryRoot.Path, found)));
        }
    });

    [Fact]
    public void QuickStart_Program_IsShort() => Assert.InRange(Markdown.Snippet("samples/QuickStart/Program.cs").Split('\n').Length - 1, 5, 15);

    [Fact]
    public void Documentation_AllOfIt_HoldsCode() => Assert.NotEmpty(Markdown.Files.SelectMany(Markdown.CodeBlocks));
}
