using System.Globalization;

namespace IsVit.Model.Quantization;

/// <summary>The number of bits of a code, 2 to 8. A quantizer of b bits has exactly 2^b codes, 0 to 2^b - 1.</summary>
public readonly record struct BitWidth : IComparable<BitWidth>
{
    /// <summary>The smallest number of bits.</summary>
    public const int Minimum = 2;

    /// <summary>The largest number of bits.</summary>
    public const int Maximum = 8;

    private readonly byte _bits;

    /// <summary>Creates a bit width.</summary>
    /// <param name="bits">The number of bits, 2 to 8.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bits"/> is outside 2 to 8.</exception>
    public BitWidth(int bits)
    {
        if (bits is < Minimum or > Maximum)
        {
            throw new ArgumentOutOfRangeException(nameof(bits), bits, $"A bit width is {Minimum} to {Maximum}.");
        }

        _bits = (byte)bits;
    }

    /// <summary>The number of bits.</summary>
    public int Bits => _bits == 0 ? Maximum : _bits;

    /// <summary>The number of codes, 2^b.</summary>
    public int CodeCount => 1 << Bits;

    /// <summary>The largest code, 2^b - 1.</summary>
    public int MaxCode => CodeCount - 1;

    /// <summary>Creates a bit width from a number of bits.</summary>
    /// <param name="bits">The number of bits, 2 to 8.</param>
    public static implicit operator BitWidth(int bits) => new(bits);

    /// <summary>Compares two widths.</summary>
    public static bool operator <(BitWidth left, BitWidth right) => left.CompareTo(right) < 0;

    /// <summary>Compares two widths.</summary>
    public static bool operator >(BitWidth left, BitWidth right) => left.CompareTo(right) > 0;

    /// <summary>Compares two widths.</summary>
    public static bool operator <=(BitWidth left, BitWidth right) => left.CompareTo(right) <= 0;

    /// <summary>Compares two widths.</summary>
    public static bool operator >=(BitWidth left, BitWidth right) => left.CompareTo(right) >= 0;

    /// <summary>Creates a bit width from a number of bits.</summary>
    /// <param name="bits">The number of bits, 2 to 8.</param>
    public static BitWidth FromInt32(int bits) => new(bits);

    /// <inheritdoc/>
    public int CompareTo(BitWidth other) => Bits.CompareTo(other.Bits);

    /// <inheritdoc/>
    public bool Equals(BitWidth other) => Bits == other.Bits;

    /// <inheritdoc/>
    public override int GetHashCode() => Bits;

    /// <inheritdoc/>
    public override string ToString() => Bits.ToString(CultureInfo.InvariantCulture);
}
