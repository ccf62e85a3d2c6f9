using System.Text;
using System.Text.RegularExpressions;

namespace IsVit.Core.Graph;

/// <summary>
/// A pattern over module paths: <c>*</c> stands for any characters within one name, <c>**</c> for any number of names.
/// <c>blocks.*.mlp.fc1</c> is every block's first MLP layer; <c>blocks.0.**</c> is everything in the first block.
/// </summary>
public sealed class PathPattern
{
    private readonly Regex _regex;

    /// <summary>Creates a pattern.</summary>
    /// <param name="pattern">The text.</param>
    /// <exception cref="ArgumentException">The text is empty.</exception>
    public PathPattern(string pattern)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(pattern);
        Pattern = pattern;
        var text = new StringBuilder("^");
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] != '*')
            {
                text.Append(Regex.Escape(pattern[i].ToString()));
            }
            else if (i + 1 < pattern.Length && pattern[i + 1] == '*')
            {
                text.Append("(.*)");
                i++;
            }
            else
            {
                text.Append("([^.]*)");
            }
        }

        _regex = new Regex(text.Append('$').ToString(), RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
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
        return Regex.Replace(template, @"\*\*?", _ => next < match.Groups.Count
            ? match.Groups[next++].Value
            : throw new ArgumentException($"'{template}' has more wildcards than '{Pattern}'.", nameof(template)), RegexOptions.None, TimeSpan.FromSeconds(1));
    }

    /// <inheritdoc/>
    public override string ToString() => Pattern;
}
