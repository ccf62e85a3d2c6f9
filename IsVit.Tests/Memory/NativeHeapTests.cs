using System.Globalization;
using System.Runtime.InteropServices;
using IsVit.Core.Memory;

namespace IsVit.Tests.Memory;

/// <summary>What malloc keeps of what has been freed.</summary>
public sealed unsafe class NativeHeapTests
{
    [Fact]
    public void ReturnFreed_BlocksBetweenOthers_AreReturnedAndTheOthersLeft()
    {
        const int Count = 4000;
        const int Bytes = 64 << 10; // below what malloc maps singly
        Assert.SkipUnless(NativeLibrary.TryLoad("libc.so.6", out _) && File.Exists("/proc/self/status"), "malloc is not glibc's.");
        var blocks = new byte*[Count];
        for (var i = 0; i < Count; i++)
        {
            blocks[i] = (byte*)NativeMemory.Alloc(Bytes);
            new Span<byte>(blocks[i], Bytes).Fill((byte)i);
        }

        for (var i = 0; i < Count; i += 2)
        {
            NativeMemory.Free(blocks[i]);
        }

        NativeHeap.ReturnFreedBlocks();
        var before = Resident();
        NativeHeap.ReturnFreed(NativeHeap.WorthReturning - 1);
        var kept = before - Resident();
        NativeHeap.ReturnFreed(NativeHeap.WorthReturning);
        var returned = before - Resident();
        var areWhole = Enumerable.Range(0, Count / 2).All(i => new ReadOnlySpan<byte>(blocks[(2 * i) + 1], Bytes).IndexOfAnyExcept((byte)((2 * i) + 1)) < 0);
        for (var i = 1; i < Count; i += 2)
        {
            NativeMemory.Free(blocks[i]);
        }

        // All but the pages that a freed block shares with its neighbours: 15 of 16, and what else the process has taken meanwhile.
        Assert.InRange(returned, Count / 2 * (long)Bytes * 3 / 4, long.MaxValue);
        Assert.InRange(kept, long.MinValue, Count / 2 * (long)Bytes / 4);
        Assert.True(areWhole, "a block in use has changed");
    }

    [Fact]
    public void ReturnLargeBlocks_ASize_IsWhereBlocksOfTheirOwnBegin()
    {
        Assert.SkipUnless(NativeLibrary.TryLoad("libc.so.6", out _), "malloc is not glibc's.");

        Assert.True(NativeHeap.ReturnLargeBlocks(1 << 20));
        Assert.True(AreOfTheirOwn(2 << 20));
        Assert.True(NativeHeap.ReturnLargeBlocks());
        Assert.True(AreOfTheirOwn(17 << 20));
        Assert.False(AreOfTheirOwn(15 << 20));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void ReturnLargeBlocks_NoSize_Throws(int bytes) =>
        Assert.Equal("fromBytes", Assert.Throws<ArgumentOutOfRangeException>(() => NativeHeap.ReturnLargeBlocks(bytes)).ParamName);

    // Whether blocks are mapped one by one once nothing freed is left to take them from. Their pages are not touched.
    private static bool AreOfTheirOwn(nuint bytes)
    {
        const ulong Most = 8UL << 30;
        var blocks = new List<nint>();
        var isMapped = false;
        while (!isMapped && (ulong)blocks.Count * bytes < Most)
        {
            var block = (nuint*)NativeMemory.Alloc(bytes);
            blocks.Add((nint)block);

            // glibc writes a block's size before it, and whether it was mapped into its second bit.
            isMapped = (block[-1] & 2) != 0;
        }

        blocks.ForEach(static block => NativeMemory.Free((void*)block));
        return isMapped;
    }

    private static long Resident() => long.Parse(
        File.ReadLines("/proc/self/status").First(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Split('\t')[^1],
        CultureInfo.InvariantCulture) << 10;
}
