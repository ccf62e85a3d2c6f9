using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace IsVit.Core.Quantization;

/// <summary>Which elements of a tensor share one set of quantization parameters.</summary>
/// <remarks>
/// For a tensor of shape [32, 197, 768]: <see cref="PerTensor"/> has one scale; <see cref="PerChannel"/> along axis -1 has 768, each for
/// 32 x 197 elements. For a linear weight [out, in], along axis 0 there is one scale an output channel.
/// </remarks>
public abstract record Granularity
{
    private Granularity()
    {
    }

    /// <summary>One set of parameters for the whole tensor.</summary>
    public static Granularity Tensor { get; } = new PerTensor();

    /// <summary>One set of parameters for each slice along an axis.</summary>
    /// <param name="axis">The axis; a negative one counts from the last.</param>
    public static Granularity Channel(int axis) => new PerChannel(axis);

    /// <summary>Reads what <see cref="ToString"/> writes: <c>tensor</c> or <c>channel:AXIS</c>.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">The text is neither.</exception>
    public static Granularity Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out var granularity) ? granularity : throw new FormatException($"'{text}' is no granularity; expected 'tensor' or 'channel:AXIS'.");
    }

    /// <summary>Reads what <see cref="ToString"/> writes, if it is that.</summary>
    /// <param name="text">The text.</param>
    /// <param name="granularity">What it says, or null.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Granularity? granularity)
    {
        granularity = text == "tensor"
            ? Tensor
            : text?.StartsWith("channel:", StringComparison.Ordinal) == true && int.TryParse(text.AsSpan(8), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var axis)
                ? Channel(axis)
                : null;
        return granularity is not null;
    }

    /// <summary>One set of parameters for the whole tensor.</summary>
    public sealed record PerTensor : Granularity
    {
        internal PerTensor()
        {
        }

        /// <inheritdoc/>
        public override string ToString() => "tensor";
    }

    /// <summary>One set of parameters for each slice along <paramref name="Axis"/>.</summary>
    /// <param name="Axis">The axis; a negative one counts from the last.</param>
    public sealed record PerChannel(int Axis) : Granularity
    {
        /// <summary>The axis as a non-negative number, for a tensor of the given rank.</summary>
        /// <param name="rank">The tensor's number of dimensions.</param>
        /// <exception cref="ArgumentOutOfRangeException">A tensor of that rank has no such axis.</exception>
        public int Resolve(int rank)
        {
            var axis = Axis < 0 ? Axis + rank : Axis;
            return axis >= 0 && axis < rank
                ? axis
                : throw new ArgumentOutOfRangeException(nameof(rank), rank, $"A tensor of rank {rank} has no axis {Axis}.");
        }

        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"channel:{Axis}");
    }
}
