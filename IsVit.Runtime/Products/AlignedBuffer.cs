using System.Runtime.CompilerServices;

namespace IsVit.Runtime.Products;

/// <summary>Zeroed memory that begins at a cache line, so that no vector crosses one, and that does not move. Whoever uses an address keeps the buffer alive as long.</summary>
internal sealed unsafe class AlignedBuffer<T>
    where T : unmanaged
{
    private const int CacheLine = 64;
    private readonly byte[] _memory;
    private readonly T* _start;

    /// <summary>Creates a buffer.</summary>
    /// <param name="length">The number of elements.</param>
    public AlignedBuffer(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _memory = GC.AllocateArray<byte>(checked((length * sizeof(T)) + CacheLine), pinned: true);
        var address = (nuint)Unsafe.AsPointer(ref _memory[0]);
        _start = (T*)((address + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        Length = length;
    }

    /// <summary>The number of elements.</summary>
    public int Length { get; }

    /// <summary>The elements.</summary>
    public Span<T> Span => new(_start, Length);

    /// <summary>The address of an element that <paramref name="count"/> elements follow, itself included.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not all in the buffer.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T* At(int start, int count)
    {
        if ((uint)start > (uint)Length || (uint)count > (uint)(Length - start))
        {
            Throw(start, count);
        }

        return _start + start;
    }

    private void Throw(int start, int count) =>
        throw new ArgumentOutOfRangeException(nameof(start), FormattableString.Invariant($"Elements {start} to {(long)start + count} were asked for; the buffer has {Length}."));
}
