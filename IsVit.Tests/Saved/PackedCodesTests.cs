using IsVit.Model.Quantization;

namespace IsVit.Tests.Saved;

/// <summary>Codes are unpacked eight at a time; the definition is bit by bit.</summary>
public sealed class PackedCodesTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Unpack_AnyLength_IsTheDefinition(int bits)
    {
        var random = new Random(bits);
        for (var count = 0; count < 70; count++)
        {
            var codes = new byte[count];
            random.NextBytes(codes);
            codes = Array.ConvertAll(codes, code => (byte)(code & ((1 << bits) - 1)));
            var packed = new byte[PackedCodes.ByteCount(count, bits)];
            for (var bit = 0; bit < count * bits; bit++)
            {
                packed[bit / 8] |= (byte)((codes[bit / bits] >> (bit % bits) & 1) << (bit % 8));
            }

            var unpacked = new byte[count];
            PackedCodes.Unpack(packed, bits, unpacked);

            Assert.Equal(((count * bits) + 7) / 8, packed.Length);
            Assert.Equal(packed, PackedCodes.Pack(codes, bits));
            Assert.Equal(codes, unpacked);
            if (count * bits % 8 > 0)
            {
                packed[^1] |= 0x80;
                Assert.Throws<QuantizationException>(() => PackedCodes.Unpack(packed, bits, unpacked));
            }
        }
    }
}
