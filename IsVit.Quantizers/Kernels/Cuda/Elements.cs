using System.Runtime.InteropServices;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>The arrays that a kernel runs over, and where their packs of 16 bytes begin. Laid out as in fake_quantize.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct Elements
{
    /// <summary>The bytes that a thread loads or stores at once.</summary>
    public const int PackBytes = 16;

    private readonly nint _x;
    private readonly nint _gradient;
    private readonly nint _output;
    private readonly long _count;
    private readonly long _packs;
    private readonly int _head;
    private readonly int _aligned;

    /// <summary>Finds the packs.</summary>
    /// <param name="x">The first input's address, a multiple of the element's size.</param>
    /// <param name="gradient">The second input's address, 0 if there is none.</param>
    /// <param name="output">The output's address: packs begin at multiples of 16 bytes in it.</param>
    /// <param name="count">Elements.</param>
    /// <param name="size">Bytes of an element.</param>
    public Elements(nint x, nint gradient, nint output, long count, int size)
    {
        (_x, _gradient, _output, _count) = (x, gradient, output, count);
        _head = (int)Math.Min(-output & (PackBytes - 1), count * size) / size;
        _packs = (count - _head) / (PackBytes / size);
        _aligned = (IsPack(x + (_head * size)) ? 1 : 0) | (IsPack(gradient + (_head * size)) ? 2 : 0);
    }

    /// <summary>Elements before the first pack.</summary>
    public int Head => _head;

    /// <summary>Whole packs.</summary>
    public long Packs => _packs;

    /// <summary>Bit 0: the packs of the first input lie at multiples of 16 bytes; bit 1: those of the second.</summary>
    public int Aligned => _aligned;

    /// <summary>Whether an address is a multiple of 16 bytes.</summary>
    public static bool IsPack(nint address) => (address & (PackBytes - 1)) == 0;
}
