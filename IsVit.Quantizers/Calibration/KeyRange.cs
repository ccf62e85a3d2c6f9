using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Calibration;

/// <summary>The range of the keys of some numbers: unsigned integers that order as the numbers do, -0 before 0.</summary>
/// <param name="Lowest">The lowest key.</param>
/// <param name="Bits">How many trailing bits of what a key exceeds the lowest by differ.</param>
internal readonly record struct KeyRange(uint Lowest, int Bits)
{
    /// <summary>The range of the keys of all numbers from one to another.</summary>
    public static KeyRange Of(float minimum, float maximum)
    {
        // Of two zeros either may be given for the other.
        var lowest = KeyOf(minimum == 0 ? -0f : minimum);
        return new(lowest, 32 - BitOperations.LeadingZeroCount(KeyOf(maximum == 0 ? 0f : maximum) - lowest));
    }

    /// <summary>What the key of a number within the range exceeds the lowest by.</summary>
    public uint Above(float value) => KeyOf(value) - Lowest;

    /// <summary>The key of the float of these bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Key(uint bits) => bits ^ ((uint)((int)bits >> 31) | 0x80000000);

    private static uint KeyOf(float value) => Key(BitConverter.SingleToUInt32Bits(value));
}
