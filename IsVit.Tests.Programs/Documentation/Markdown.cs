using System.Text.RegularExpressions;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Documentation;

/// <summary>What the documentation's files hold.</summary>
internal static partial class Markdown
{
    /// <summary>README.md, CHANGELOG.md and everything in docs, relative to the repository root.</summary>
    public static IEnumerable<string> Files =>
        ((string[])["README.md", "CHANGELOG.md"]).Where(file => File.Exists(Path.Combine(RepositoryRoot.Path, file)))
            .Concat(Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "docs"), "*.md", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(RepositoryRoot.Path, file)).Order(StringComparer.Ordinal));

    /// <summary>The C# blocks of a file, each with what the comment before it names as its source, if there is one.</summary>
    public static IEnumerable<(string? Source, string Code)> CodeBlocks(string file) =>
        CodeBlock().Matches(Read(file)).Select(match => (match.Groups["source"] is { Success: true } source ? source.Value : null, match.Groups["code"].Value));

    /// <summary>The addresses that a file links to, without those elsewhere on the web.</summary>
    public static IEnumerable<string> LocalLinks(string file) =>
        Link().Matches(CodeBlock().Replace(Read(file), "")).Select(match => match.Groups[1].Value).Where(link => !link.Contains("://", StringComparison.Ordinal));

    /// <summary>The headings of a file, as links name them.</summary>
    public static IEnumerable<string> Anchors(string file) => Heading().Matches(CodeBlock().Replace(Read(file), "")).Select(match =>
        NotInAnchors().Replace(match.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-'));

    /// <summary>What a source such as <c>samples/OwnModel/Program.cs#look</c> stands for: the file, or the part between <c>// snippet: look</c> and <c>// end</c>.</summary>
    public static string Snippet(string source)
    {
        var (path, name) = source.Split('#') is [var file, var part] ? (file, part) : (source, null);
        string text = Read(path);
        if (name is null)
        {
            return text;
        }

        Match match = Regex.Match(text, $@"^( *)// snippet: {Regex.Escape(name)}\n(?<code>(?s:.*?))^\1// end$", RegexOptions.Multiline);
        Assert.True(match.Success, $"{path} has no '// snippet: {name}'.");
        int indent = match.Groups[1].Length;
        return string.Concat(match.Groups["code"].Value.Split('\n').SkipLast(1).Select(line => (line.Length > indent ? line[indent..] : "") + "\n"));
    }

    public static string Read(string file) => File.ReadAllText(Path.Combine(RepositoryRoot.Path, file)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"^(?:<!-- from (?<source>\S+) -->\n+)?```csharp\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors();
}
