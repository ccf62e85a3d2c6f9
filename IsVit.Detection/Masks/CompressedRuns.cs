using System.Text;

namespace IsVit.Detection.Masks;

/// <summary>COCO's compressed string of runs (rleToString, rleFrString): signed numbers in groups of five bits, low ones first, each with a sixth bit that says whether more follow, as characters from '0'.</summary>
internal static class CompressedRuns
{
    private const char First = '0';
    private const char Last = 'o';
    private const int More = 0x20;
    private const int Sign = 0x10;

    // A run has at most 31 bits, and the difference of two a sign as well.
    private const int MaxCharacters = 7;

    public static int[] Read(ReadOnlySpan<char> text)
    {
        var counts = new List<int>(text.Length / 2);
        for (var at = 0; at < text.Length;)
        {
            var number = ReadNumber(text, ref at) + (counts.Count > 2 ? counts[^2] : 0);
            if (number is < 0 or > int.MaxValue)
            {
                throw new ArgumentException(FormattableString.Invariant($"The compressed mask has a run of {number} pixels before character {at}; expected 0 to {int.MaxValue}."), nameof(text));
            }

            counts.Add((int)number);
        }

        return [.. counts];
    }

    public static string Write(ReadOnlySpan<int> counts)
    {
        var text = new StringBuilder(counts.Length * 2);
        for (var i = 0; i < counts.Length; i++)
        {
            var rest = counts[i] - (i > 2 ? counts[i - 2] : 0);
            bool more;
            do
            {
                var bits = rest & 0x1f;
                rest >>= 5;
                more = rest != ((bits & Sign) == 0 ? 0 : -1);
                text.Append((char)(First + bits + (more ? More : 0)));
            }
            while (more);
        }

        return text.ToString();
    }

    private static long ReadNumber(ReadOnlySpan<char> text, ref int at)
    {
        long number = 0;
        var begin = at;
        for (var shift = 0; ; shift += 5)
        {
            if (at == text.Length)
            {
                throw new ArgumentException(FormattableString.Invariant($"The compressed mask ends within the number that begins at character {begin}; expected its last group of bits."), nameof(text));
            }

            if (text[at] is < First or > Last)
            {
                throw new ArgumentException(FormattableString.Invariant($"Character {at} of the compressed mask is U+{(int)text[at]:X4}; expected '{First}' to '{Last}'."), nameof(text));
            }

            if (at - begin == MaxCharacters)
            {
                throw new ArgumentException(FormattableString.Invariant($"The number that begins at character {begin} of the compressed mask has more than {MaxCharacters} characters; no run is that long."), nameof(text));
            }

            var bits = text[at++] - First;
            number |= (long)(bits & 0x1f) << shift;
            if ((bits & More) == 0)
            {
                return (bits & Sign) == 0 ? number : number | (-1L << (shift + 5));
            }
        }
    }
}
