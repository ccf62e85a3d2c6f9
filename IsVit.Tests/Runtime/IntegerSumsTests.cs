using IsVit.Runtime.Products;

namespace IsVit.Tests.Runtime;

public sealed class IntegerSumsTests
{
    public static TheoryData<int> Lengths { get; } = new(0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 197, 768, 8191, 8192, 8193, 70_000);

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Of_AnyLength_IsTheSum(int length)
    {
        var random = new Random(length);
        var bytes = new byte[length];
        random.NextBytes(bytes);
        short[] shorts = [.. bytes.Select(x => (short)((x - 128) * 250))];

        Assert.Equal(bytes.Sum(static x => x), IntegerSums.Of(bytes));
        Assert.Equal(shorts.Sum(static x => x), IntegerSums.Of(shorts));
        Array.Fill(bytes, byte.MaxValue);
        Assert.Equal(255 * length, IntegerSums.Of(bytes));
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void SubtractAndWiden_AnyLength_AreThoseOfEachElement(int length)
    {
        var random = new Random(length);
        var bytes = new byte[length];
        random.NextBytes(bytes);
        byte[] less = [.. bytes, 77];
        short[] wide = [.. Enumerable.Repeat((short)77, length + 1)];

        IntegerSums.Subtract(less.AsSpan(0, length), 200);
        IntegerSums.Widen(bytes, wide);

        Assert.Equal([.. bytes.Select(static x => unchecked((byte)(x - 200))), 77], less);
        Assert.Equal([.. bytes.Select(static x => (short)x), (short)77], wide);
    }
}
