using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Damage to texts with numbers, words and brackets.</summary>
internal static partial class TextDamage
{
    private const int Deepest = 20_000;

    private static readonly string[] s_numbers = ["0", "1", "-1", "3", "255", "65536", "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "99999999999999999999", "1e308", "1e400", "-1e-400", "0.5", "NaN", "1e1000000000", "007", "0x10"];
    private static readonly string[] s_pieces = ["{", "}", "[", "]", ",", ":", "\"", "\\", "'", "\n", "\r\n", "\t", " ", "null", "true", "[]", "{}", "\\u0000", "\\ud800", "\0", "\ufeff", "é", "&a ", "*a", "!!binary ", "---\n", "# ", "\"\"", "- ", "? ", "|\n", "<<: "];

    /// <summary>One or a few pieces of damage.</summary>
    /// <param name="whole">The file.</param>
    /// <param name="random">Chooses them.</param>
    public static byte[] Of(byte[] whole, Random random)
    {
        if (random.Next(8) == 0)
        {
            return ByteDamage.Of(whole, random);
        }

        var text = Encoding.UTF8.GetString(whole);
        for (var count = random.Next(3) == 0 ? random.Next(2, 6) : 1; count > 0; count--)
        {
            text = One(text, random);
        }

        return Encoding.UTF8.GetBytes(text);
    }

    private static string One(string text, Random random)
    {
        var at = random.Next(text.Length + 1);
        switch (random.Next(12))
        {
            case 0 or 1 or 2:
                return Replaced(text, Numbers().Matches(text), random, static (found, random) => random.Next(4) == 0
                    ? (long.TryParse(found, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value + random.Next(-2, 3) : 1).ToString(CultureInfo.InvariantCulture)
                    : s_numbers[random.Next(s_numbers.Length)]);
            case 3 or 4:
                var words = Words().Matches(text);
                return Replaced(text, words, random, (_, random) => random.Next(4) switch { 0 => "", 1 => "null", _ => words[random.Next(words.Count)].Value });
            case 5 or 6:
                return text.Insert(at, s_pieces[random.Next(s_pieces.Length)]);
            case 7:
                return text[..at];
            case 8:
                return text.Remove(at, Math.Min(random.Next(1, 40), text.Length - at));
            case 9:
                return text.Insert(at, text.Substring(at, Math.Min(random.Next(1, 200), text.Length - at)));
            case 10:
                return Replaced(text, Brackets().Matches(text), random, static (_, random) => s_pieces[random.Next(s_pieces.Length)]);
            default:
                return random.Next(20) == 0 ? text.Insert(at, Nested(random)) : text.Insert(at, new string((char)random.Next(32, 127), random.Next(1, 300)));
        }
    }

    // Something that a reader calls itself for.
    private static string Nested(Random random)
    {
        var depth = random.Next(1, Deepest);
        return string.Concat(Enumerable.Repeat(random.Next(4) switch { 0 => "[", 1 => "{\"a\":", 2 => "- ", _ => "{a: " }, depth));
    }

    private static string Replaced(string text, MatchCollection matches, Random random, Func<string, Random, string> replacement)
    {
        if (matches.Count == 0)
        {
            return text + "1";
        }

        var match = matches[random.Next(matches.Count)];
        return string.Concat(text.AsSpan(0, match.Index), replacement(match.Value, random), text.AsSpan(match.Index + match.Length));
    }

    [GeneratedRegex("-?[0-9]+(\\.[0-9]+)?", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Numbers();

    [GeneratedRegex(@"[A-Za-z_][A-Za-z0-9_.\-]*", RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex(@"[\[\]{},:""]", RegexOptions.CultureInvariant)]
    private static partial Regex Brackets();
}
