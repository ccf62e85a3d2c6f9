using IsVit.Runtime.Functions;
using IsVit.Runtime.Quantizing;

namespace IsVit.Tests.Runtime.Quantizing;

public sealed class CodeTableTests
{
    public static TheoryData<int, int> Cases { get; } = new(from bits in Enumerable.Range(2, 7) from width in Enum.GetValues<VectorWidth>() select (bits, (int)width));

    [Theory]
    [MemberData(nameof(Cases))]
    public void DecodeAndLook_AnyLength_GiveTheTablesEntries(int bits, int vectorBits)
    {
        var width = (VectorWidth)vectorBits;
        var random = new Random(bits);
        float[] levels = [.. Enumerable.Range(0, 1 << bits).Select(_ => random.NextSingle())];
        short[] grid = [.. levels.Select(_ => (short)random.Next(short.MinValue, short.MaxValue + 1))];
        for (int length = 0; length < 140; length++)
        {
            byte[] codes = [.. Enumerable.Range(0, length).Select(_ => (byte)random.Next(1 << bits))];
            float[] values = [.. new float[length], 7];
            short[] numbers = [.. new short[length], 7];

            CodeTable.Decode(codes, levels, values.AsSpan(0, length), width);
            CodeTable.Look(codes, grid, numbers.AsSpan(0, length), width);

            Assert.Equal([.. codes.Select(code => levels[code]), 7], values);
            Assert.Equal([.. codes.Select(code => grid[code]), 7], numbers);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(8)]
    public void Replace_AnyLength_GivesTheTablesBytes(int bits)
    {
        var random = new Random(bits);
        byte[] table = new byte[1 << bits];
        random.NextBytes(table);
        for (int length = 0; length < 70; length++)
        {
            byte[] codes = [.. Enumerable.Range(0, length).Select(_ => (byte)random.Next(1 << bits))];
            byte[] replaced = [.. codes, 201];

            CodeTable.Replace(replaced.AsSpan(0, length), table);

            Assert.Equal([.. codes.Select(code => table[code]), 201], replaced);
        }
    }

    [Fact]
    public void Look_TooLittleRoom_NamesBoth()
    {
        var error = Assert.Throws<ArgumentException>(static () => CodeTable.Look(new byte[9], new short[4], new short[8]));

        Assert.Contains("9", error.Message, StringComparison.Ordinal);
        Assert.Contains("8", error.Message, StringComparison.Ordinal);
    }
}
