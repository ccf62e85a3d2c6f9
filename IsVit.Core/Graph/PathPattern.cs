using System.Text;
using System.Text.RegularExpressions;

namespace IsVit.Core.Graph;

/// <summary>
/// A pattern over module paths: <c>*</c> stands for any characters within one name (alone, for one name), <c>**</c> for any number of names, none as well
/// where another name follows. <c>blocks.*.mlp.fc1</c> is every block's first MLP layer; <c>blocks.0.**</c> is everything inside the first block;
/// <c>**.fc1</c> is every module named so; <c>**</c> is everything.
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
        _regex = new Regex(text.ToString(), RegexOptions.CultureInvariant | RegexOptions.Singleline, TimeSpan.FromSeconds(1));
    }

    /// <summary>The pattern's text.</summary>
    public string Pattern { get; }

    /// <summary>Whether a module's path fits.</summary>
    /// <param name="path">The path.</param>
    public bool IsMatch(string path) => _regex.IsMatch(path);

    /// <summary>Writes what this pattern's wildcards matched in a path into another pattern's wildcards, in order.</summary>
    /// <param name="path">A path that fits this pattern.</param>
    /// <param name="template">A text with as many wildcards as this pattern, or fewer.</param>
    /// <exception cref="ArgumentException">The path does not fit, or the template has more wildcards.</exception>
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
    [GeneratedRegex(@"(?<![^.])\*\*\.|\*\*|\*", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Wildcard();
}
