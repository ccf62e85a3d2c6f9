using System.Text;
using System.Text.RegularExpressions;

namespace IsVit.Core.Graph;

/// <summary>
/// A pattern for module paths: <c>*</c> matches any characters within one name (alone, exactly one name), <c>**</c> matches any number of names, including none
/// if another name follows. <c>blocks.*.mlp.fc1</c> matches every block's first MLP layer; <c>blocks.0.**</c> everything inside the first block;
/// <c>**.fc1</c> every module with that name; <c>**</c> everything.
/// </summary>
public sealed partial class PathPattern
{
    private readonly Regex _regex;

    /// <summary>Creates a pattern.</summary>
    /// <param name="pattern">The text.</param>
    /// <exception cref="ArgumentException">The text is empty.</exception>
    public PathPattern(string pattern)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(pattern);
        Pattern = pattern;
        var text = new StringBuilder(@"\A");
        var end = 0;
        foreach (Match wildcard in Wildcard().Matches(pattern))
        {
            text.Append(Regex.Escape(pattern[end..wildcard.Index]));
            end = wildcard.Index + wildcard.Length;
            var isWholeName = (wildcard.Index == 0 || pattern[wildcard.Index - 1] == '.') && (end == pattern.Length || pattern[end] == '.');
            text.Append(wildcard.Value switch
            {
                "**." => @"(?:(.*)\.)?",
                "**" => "(.*)",
                _ => isWholeName ? "([^.]+)" : "([^.]*)",
            });
        }

        text.Append(Regex.Escape(pattern[end..])).Append(@"\z");

        // Linear in the path's length whatever the pattern, and so without a limit of time, which a busy machine would exceed at any pattern.
        _regex = new Regex(text.ToString(), RegexOptions.CultureInvariant | RegexOptions.Singleline | RegexOptions.NonBacktracking, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The pattern's text.</summary>
    public string Pattern { get; }

    /// <summary>Whether a module's path matches.</summary>
    /// <param name="path">The path.</param>
    public bool IsMatch(string path) => _regex.IsMatch(path);

    /// <summary>Replaces the wildcards of another pattern, in order, with what this pattern's wildcards matched in a path.</summary>
    /// <param name="path">A path that matches this pattern.</param>
    /// <param name="template">A text with as many wildcards as this pattern, or fewer.</param>
    /// <exception cref="ArgumentException">The path does not match, or the template has more wildcards.</exception>
    public string Substitute(string path, string template)
    {
        ArgumentNullException.ThrowIfNull(template);
        var match = _regex.Match(path);
        if (!match.Success)
        {
            throw new ArgumentException($"'{path}' does not fit '{Pattern}'.", nameof(path));
        }

        var next = 1;
        return Wildcard().Replace(template, wildcard =>
        {
            if (next == match.Groups.Count)
            {
                throw new ArgumentException($"'{template}' has more wildcards than '{Pattern}'.", nameof(template));
            }

            var names = match.Groups[next++].Value;
            return wildcard.Value == "**." && names.Length > 0 ? names + '.' : names;
        });
    }

    /// <inheritdoc/>
    public override string ToString() => Pattern;

    // Where names follow, their dot belongs to the wildcard: with no names there is none. A ** that stands within a name is any text.
    [GeneratedRegex(@"(?<![^.])\*\*\.|\*\*|\*", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: Timeout.Infinite)]
    private static partial Regex Wildcard();
}
