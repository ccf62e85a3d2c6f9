using System.Numerics;
using System.Runtime.InteropServices;
using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Log2;
using IsVit.Quantizers.LogSqrt2;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.TwinUniform;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Quantizers;

/// <summary>Quantizers, and numbers at which two ways to compute the same differ first, if they do.</summary>
internal static class KernelCases
{
    /// <summary>A calibrated quantizer of a kind, per tensor.</summary>
    public static IQuantizer Create(string kind, int bits)
    {
        IQuantizer quantizer = kind switch
        {
            "uniform" or "constant" or "narrow" => new UniformQuantizer(bits, Granularity.Tensor),
            "symmetric" => new UniformQuantizer(bits, Granularity.Tensor, new() { Symmetric = true }),
            "sulq-free" => new ShiftUniformLog2Quantizer(bits, Granularity.Tensor),
            "sulq-power-of-two" => new ShiftUniformLog2Quantizer(bits, Granularity.Tensor, new() { Levels = SulqLevels.PowerOfTwo }),
            "log2" => new Log2Quantizer(bits, Granularity.Tensor),
            "log-sqrt2" => new LogSqrt2Quantizer(bits, Granularity.Tensor),
            _ => new TwinUniformQuantizer(bits, Granularity.Tensor),
        };
        using var scope = torch.NewDisposeScope();
        quantizer.Calibrate(kind switch
        {
            "uniform" or "symmetric" or "twin-sign" => Seeded.Normal(1, 500) + 0.3,
            "constant" => torch.full([20], -0.7f),
            "narrow" => (Seeded.Normal(1, 500) * 1e-6) + 1,
            _ => (Seeded.Normal(2, 8, 60) * 3).softmax(-1),
        });
        return quantizer;
    }

    /// <summary>Random bit patterns, plain numbers, every special value, and the neighbourhood of every place where the output changes.</summary>
    public static float[] BitPatterns(IQuantizer quantizer)
    {
        var random = new Random(11);
        var values = new List<float>
        {
            0f, -0f, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
            BitConverter.Int32BitsToSingle(0x7FC12345), BitConverter.Int32BitsToSingle(unchecked((int)0xFFC54321)), 8388608f, 4194304.5f, -8388607.5f,
        };
        for (var i = 0; i < 20_000; i++)
        {
            values.Add(BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)));
            values.Add((float)((random.NextDouble() * 2) - 1) * (i % 3 == 0 ? 4 : 1));
        }

        using var scope = torch.NewDisposeScope();
        var levels = quantizer.Dequantize(torch.arange(quantizer.Bits.CodeCount).to(torch.ScalarType.Byte)).data<float>().ToArray().Order().ToArray();
        foreach (var (low, high) in levels.Zip(levels.Skip(1)))
        {
            foreach (var centre in (float[])[low, high, low + ((high - low) / 2), MathF.Sqrt(MathF.Abs(low * high)), high + ((high - low) / 2), low - ((high - low) / 2)])
            {
                var near = centre;
                for (var step = 0; step < 6; step++)
                {
                    near = step == 3 ? centre : step < 3 ? MathF.BitIncrement(near) : MathF.BitDecrement(near);
                    values.Add(near);
                }
            }
        }

        return [.. values];
    }

    /// <summary>Equal types and bits; one NaN equals another.</summary>
    public static void AssertSameBits(torch.Tensor expected, torch.Tensor actual)
    {
        Assert.Equal(expected.dtype, actual.dtype);
        if (expected.dtype == torch.ScalarType.Float64)
        {
            AssertSame<long, double>(expected, actual, BitConverter.Int64BitsToDouble);
        }
        else
        {
            // Every bfloat16 is a float32, bit for bit.
            AssertSame<int, float>(expected.to(torch.ScalarType.Float32), actual.to(torch.ScalarType.Float32), BitConverter.Int32BitsToSingle);
        }
    }

    private static void AssertSame<TBits, TNumber>(torch.Tensor expected, torch.Tensor actual, Func<TBits, TNumber> number)
        where TBits : unmanaged, IBinaryInteger<TBits>
        where TNumber : unmanaged, IFloatingPointIeee754<TNumber>
    {
        var e = MemoryMarshal.Cast<byte, TBits>(expected.contiguous().bytes);
        var a = MemoryMarshal.Cast<byte, TBits>(actual.contiguous().bytes);
        Assert.Equal(e.Length, a.Length);
        for (var i = 0; i < e.Length; i++)
        {
            if (e[i] != a[i] && !(TNumber.IsNaN(number(e[i])) && TNumber.IsNaN(number(a[i]))))
            {
                Assert.Fail($"entry {i}: {number(e[i]):R} (0x{e[i]:X}) expected, {number(a[i]):R} (0x{a[i]:X}) found");
            }
        }
    }
}
