using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace IsVit.Model.Quantization;

/// <summary>Which elements of a tensor share one set of quantization parameters.</summary>
/// <remarks>
/// For a tensor of shape [32, 197, 768]: <see cref="PerTensor"/> has one scale; <see cref="PerChannel"/> along axis -1 has 768, each for
/// 32 x 197 elements. For a linear weight [out, in], along axis 0 there is one scale per output channel; <see cref="PerGroup"/> of size 64 has out x in / 64.
/// </remarks>
public abstract record Granularity
{
    private Granularity()
    {
    }

    /// <summary>How the sets of parameters lie in a tensor: runs of elements in row-major order take set 0, 1, ... and, after the last, 0 again.</summary>
    internal abstract (int SetCount, int RunLength) LayoutOf(ReadOnlySpan<long> shape);

    /// <summary>One set of parameters for the whole tensor.</summary>
    public static Granularity Tensor { get; } = new PerTensor();

    /// <summary>One set of parameters for each slice along an axis.</summary>
    /// <param name="axis">The axis; a negative one counts from the last.</param>
    public static Granularity Channel(int axis) => new PerChannel(axis);

    /// <summary>One set of parameters for each run of elements along the last axis.</summary>
    /// <param name="size">The number of elements of a group, at least 1.</param>
    public static Granularity Group(int size) => new PerGroup(size);

    /// <summary>Parses the result of <see cref="ToString"/>: <c>tensor</c>, <c>channel:AXIS</c> or <c>group:SIZE</c>.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">The text is none of them.</exception>
    public static Granularity Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out var granularity) ? granularity : throw new FormatException($"'{text}' is no granularity; expected 'tensor', 'channel:AXIS' or 'group:SIZE'.");
    }

    /// <summary>Parses the result of <see cref="ToString"/>; returns false for any other text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="granularity">The granularity, or null.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Granularity? granularity)
    {
        granularity = text == "tensor" ? Tensor
            : Number(text, "channel:", NumberStyles.AllowLeadingSign) is { } axis ? Channel(axis)
            : Number(text, "group:", NumberStyles.None) is { } size and > 0 ? Group(size)
            : null;
        return granularity is not null;
    }

    private static int? Number(string? text, string prefix, NumberStyles styles) =>
        text?.StartsWith(prefix, StringComparison.Ordinal) == true && int.TryParse(text.AsSpan(prefix.Length), styles, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>One set of parameters for the whole tensor.</summary>
    public sealed record PerTensor : Granularity
    {
        internal PerTensor()
        {
        }

        internal override (int SetCount, int RunLength) LayoutOf(ReadOnlySpan<long> shape) => (1, Math.Max(Product(shape), 1));

        /// <inheritdoc/>
        public override string ToString() => "tensor";
    }

    /// <summary>One set of parameters for each slice along <paramref name="Axis"/>.</summary>
    /// <param name="Axis">The axis; a negative one counts from the last.</param>
    public sealed record PerChannel(int Axis) : Granularity
    {
        /// <summary>Returns the axis as a non-negative number, for a tensor of the given rank.</summary>
        /// <param name="rank">The tensor's number of dimensions.</param>
        /// <exception cref="ArgumentOutOfRangeException">A tensor of that rank has no such axis.</exception>
        public int Resolve(int rank)
        {
            var axis = Axis < 0 ? Axis + rank : Axis;
            return axis >= 0 && axis < rank
                ? axis
                : throw new ArgumentOutOfRangeException(nameof(rank), rank, FormattableString.Invariant($"A tensor of rank {rank} has no axis {Axis}."));
        }

        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"channel:{Axis}");

        internal override (int SetCount, int RunLength) LayoutOf(ReadOnlySpan<long> shape)
        {
            var axis = Resolve(shape.Length);
            return ((int)shape[axis], Math.Max(Product(shape[(axis + 1)..]), 1));
        }
    }

    /// <summary>One set of parameters for each run of <see cref="Size"/> elements along the last axis, separately in every row: a linear weight [out, in] has out x in / size.</summary>
    public sealed record PerGroup : Granularity
    {
        internal PerGroup(int size)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
            Size = size;
        }

        /// <summary>The number of elements of a group; the last axis is a multiple of it.</summary>
        public int Size { get; }

        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"group:{Size}");

        internal override (int SetCount, int RunLength) LayoutOf(ReadOnlySpan<long> shape) => shape.Length > 0 && shape[^1] % Size == 0
            ? (Product(shape) / Size, Size)
            : throw new QuantizationException(FormattableString.Invariant($"A tensor of shape [{string.Join(", ", shape.ToArray())}] has no groups of {Size} elements along its last axis."));
    }

    private static int Product(ReadOnlySpan<long> lengths)
    {
        var product = 1L;
        foreach (var length in lengths)
        {
            product *= length;
        }

        return checked((int)product);
    }
}
