using IsVit.Detection.Models;
using TorchSharp;

namespace IsVit.Detection.Drawing;

/// <summary>A detection, or an object that should have been detected, to be drawn over an image.</summary>
/// <param name="Label">The class, 0 or more; it chooses the colour.</param>
/// <param name="Name">What to write; nothing is written if it is empty and there is no score. Characters other than those of ASCII are written as '?'.</param>
/// <param name="X1">The left edge of the box in pixels of the image: a box around the columns 3 to 5 has X1 = 3 and X2 = 6.</param>
/// <param name="Y1">The upper edge of the box.</param>
/// <param name="X2">The right edge of the box, not below <paramref name="X1"/>.</param>
/// <param name="Y2">The lower edge of the box, not below <paramref name="Y1"/>.</param>
public sealed record DrawnObject(int Label, string Name, double X1, double Y1, double X2, double Y2)
{
    /// <summary>The score, written with two decimals behind the name; null for none.</summary>
    public double? Score { get; init; }

    /// <summary>The mask: not 0 where the object is, for each pixel of the image, rows from top to bottom; null for none.</summary>
    public ReadOnlyMemory<byte>? Mask { get; init; }

    /// <summary>What a detector found in an image, with masks.</summary>
    /// <param name="found">What it found.</param>
    /// <param name="names">A name for each class.</param>
    /// <param name="minimumScore">Objects with lower scores are left out.</param>
    /// <exception cref="ArgumentException">There is no name for a class that was found.</exception>
    public static IReadOnlyList<DrawnObject> Of(DetectionResult found, IReadOnlyList<string> names, double minimumScore = 0)
    {
        ArgumentNullException.ThrowIfNull(found);
        ArgumentNullException.ThrowIfNull(names);
        using var pasted = found.Masks();
        var (scores, labels, corners, pixels) = (Numbers<float>(found.Scores), Numbers<long>(found.Labels), Numbers<float>(found.Boxes), Numbers<byte>(pasted));
        var size = found.Geometry.OriginalHeight * found.Geometry.OriginalWidth;
        return [.. Enumerable.Range(0, found.Count).Where(i => scores[i] >= minimumScore).Select(i => new DrawnObject((int)labels[i], NameOf(labels[i]), corners[4 * i], corners[(4 * i) + 1], corners[(4 * i) + 2], corners[(4 * i) + 3])
        {
            Score = scores[i],
            Mask = pixels.AsMemory(i * size, size),
        })];

        string NameOf(long label) => label < names.Count
            ? names[(int)label]
            : throw new ArgumentException(FormattableString.Invariant($"Class {label} was found, and there are {names.Count} name(s); expected one for each class."), nameof(names));
    }

    private static T[] Numbers<T>(torch.Tensor tensor)
        where T : unmanaged
    {
        using var plain = tensor.cpu().contiguous();
        return plain.data<T>().ToArray();
    }

    /// <summary>Name and score.</summary>
    internal string Caption => Score is { } score ? FormattableString.Invariant($"{Name} {score:0.00}").TrimStart() : Name;
}
