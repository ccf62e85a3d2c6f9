using System.Collections.Immutable;
using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Log2;
using IsVit.Quantizers.LogSqrt2;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.TwinUniform;
using IsVit.Quantizers.Uniform;
using IsVit.Runtime.Functions;
using IsVit.Runtime.Quantizing;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Runtime.Quantizing;

public sealed class ActivationCoderTests
{
    private static readonly VectorWidth[] s_widths = Enum.GetValues<VectorWidth>();
    private static readonly float[] s_corners = [0f, -0f, float.Epsilon, -float.Epsilon, 1e-39f, -1e-39f, float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, 1e30f, -1e30f];

    public static TheoryData<string> Schemes { get; } = new(
        "uniform", "uniform-far", "free-levels", "free-levels-close", "log2", "log-sqrt2", "log2-zero", "sulq", "sulq-power-of-two", "sulq-fitted", "sulq-small", "sulq-constant", "twin-sign", "twin-magnitude");

    public static TheoryData<string> ChannelSchemes { get; } = new("uniform", "free-levels", "channel-levels");

    [Theory]
    [MemberData(nameof(Schemes))]
    public void Encode_PerTensor_GivesTheQuantizersCodes(string scheme)
    {
        for (int bits = BitWidth.Minimum; bits <= BitWidth.Maximum; bits++)
        {
            var random = new Random(bits);
            for (int draw = 0; draw < 3; draw++)
            {
                var parameters = PerTensor(scheme, bits, random);
                using var quantizer = Quantizer(parameters);
                float[] values = Near(Borders(quantizer, parameters), random, 2);
                var coder = ActivationCoder.Create(parameters);

                byte[] expected = Codes(quantizer, values, values.Length);

                foreach (var width in s_widths)
                {
                    byte[] codes = new byte[values.Length];
                    coder.Encode(values, codes, width);
                    AssertSame(expected, codes, values, $"{parameters}, {width}");
                }

                AssertSame(expected, [.. values.Select(x => coder.EncodeOne(x))], values, $"{parameters}, one by one");
                AssertLevels(quantizer, coder, expected, expected.Length);
            }
        }
    }

    [Theory]
    [MemberData(nameof(ChannelSchemes))]
    public void Encode_PerChannel_GivesTheQuantizersCodes(string scheme)
    {
        int[] widthsOfRows = [1, 3, 16, 17, 96];
        for (int bits = BitWidth.Minimum; bits <= BitWidth.Maximum; bits++)
        {
            var random = new Random(bits);
            foreach (int channels in widthsOfRows)
            {
                var parameters = PerChannel(scheme, bits, channels, random);
                using var quantizer = Quantizer(parameters);
                float[][] columns = [.. Enumerable.Range(0, channels).Select(channel => Near(Middles(parameters.Levels(channel)), new Random(channel), 1))];
                int rows = columns.Min(static column => column.Length);
                float[] values = [.. from row in Enumerable.Range(0, rows) from column in columns select column[row]];
                var coder = ActivationCoder.Create(parameters);

                byte[] expected = Codes(quantizer, values, rows, channels);

                foreach (var width in s_widths)
                {
                    byte[] codes = new byte[values.Length];
                    for (int row = 0; row < rows; row++)
                    {
                        coder.Encode(values.AsSpan(row * channels, channels), codes.AsSpan(row * channels, channels), width);
                    }

                    AssertSame(expected, codes, values, $"{parameters}, {channels} channels, {width}");
                }

                AssertSame(expected, [.. values.Select((x, i) => coder.EncodeOne(x, i % channels))], values, $"{parameters}, one by one");
                AssertLevels(quantizer, coder, expected, rows, channels);
            }
        }
    }

    [Fact]
    public void Encode_AnyLength_WritesNothingBeyond()
    {
        foreach (var scheme in new[] { "uniform", "free-levels", "sulq" })
        {
            foreach (int bits in new[] { 3, 4, 8 })
            {
                var random = new Random(1);
                var coder = ActivationCoder.Create(PerTensor(scheme, bits, random));
                float[] values = [.. Enumerable.Range(0, 80).Select(_ => (float)random.NextDouble())];
                foreach (var width in s_widths)
                {
                    for (int length = 0; length <= values.Length; length++)
                    {
                        byte[] codes = [.. Enumerable.Repeat((byte)222, length + 1)];

                        coder.Encode(values.AsSpan(0, length), codes.AsSpan(0, length), width);

                        Assert.Equal([.. values.Take(length).Select(x => coder.EncodeOne(x)), 222], codes);
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public void RoundAndLook_AnyLength_AreTheCodesLevelsAndIntegers(string scheme)
    {
        for (int bits = BitWidth.Minimum; bits <= BitWidth.Maximum; bits++)
        {
            var random = new Random(bits);
            var parameters = PerTensor(scheme, bits, random);
            var coder = ActivationCoder.Create(parameters);
            float[] levels = parameters.Levels();
            short[] table = [.. levels.Select(_ => (short)random.Next(short.MinValue, short.MaxValue + 1))];
            foreach (int length in new[] { 0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 197 })
            {
                float[] row = [.. Enumerable.Range(0, length).Select(_ => levels[random.Next(levels.Length)] * (float)(0.5 + random.NextDouble()))];
                byte[] codes = new byte[length];
                coder.Encode(row, codes);
                float[] rounded = [.. Enumerable.Repeat(77f, length + 1)];
                short[] integers = [.. Enumerable.Repeat((short)77, length + 1)];

                coder.Round(row, rounded.AsSpan(0, length), new byte[length]);
                int sum = coder.Look(row, table, integers.AsSpan(0, length), new byte[length]);

                Assert.Equal([.. codes.Select(code => levels[code]), 77f], rounded);
                Assert.Equal([.. codes.Select(code => table[code]), (short)77], integers);
                Assert.Equal(codes.Sum(code => table[code]), sum);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public void Encode_NaN_GivesSomeCode(string scheme)
    {
        for (int bits = BitWidth.Minimum; bits <= BitWidth.Maximum; bits++)
        {
            var parameters = PerTensor(scheme, bits, new Random(bits));
            foreach (var width in s_widths)
            {
                byte[] codes = new byte[40];

                ActivationCoder.Create(parameters).Encode([.. Enumerable.Repeat(float.NaN, 20), .. Enumerable.Repeat(-float.NaN, 20)], codes, width);

                Assert.All(codes, code => Assert.InRange(code, 0, parameters.Bits.MaxCode));
            }
        }
    }

    [Fact]
    public void Create_ForeignSchemeOrGranularity_NamesIt()
    {
        var foreign = new CustomParameters("square-root", 4, Granularity.Tensor, new Dictionary<string, IReadOnlyList<double>> { ["top"] = [1.0] });
        var rows = new AffineParameters(4, Granularity.Channel(0), [1f, 2f], [0f, 0f], isSymmetric: false);

        Assert.Contains("'square-root'", Assert.Throws<QuantizationException>(() => ActivationCoder.Create(foreign)).Message, StringComparison.Ordinal);
        Assert.Contains("channel:0", Assert.Throws<QuantizationException>(() => ActivationCoder.Create(rows)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_RowOfAnotherLength_NamesBoth()
    {
        var coder = ActivationCoder.Create(PerChannel("uniform", 4, 17, new Random(1)));

        var error = Assert.Throws<ArgumentException>(() => coder.Encode(new float[19], new byte[19]));

        Assert.Contains("19", error.Message, StringComparison.Ordinal);
        Assert.Contains("17", error.Message, StringComparison.Ordinal);
    }

    private static QuantizationParameters PerTensor(string scheme, int bits, Random random)
    {
        BitWidth width = bits;
        double size = Math.Pow(10, (random.NextDouble() * 4) - 3);
        double low = random.NextDouble() * 1e-4;
        return scheme switch
        {
            "uniform" => new AffineParameters(width, Granularity.Tensor, [(float)size], [random.Next(width.CodeCount)], isSymmetric: false),
            "uniform-far" => new AffineParameters(width, Granularity.Tensor, [(float)size], [random.Next(-1 << 24, 1 << 24)], isSymmetric: false),
            "free-levels" => new LevelsParameters(width, Ascending(width.CodeCount, random, -size, size)),
            "free-levels-close" => new LevelsParameters(width, [.. Enumerable.Range(0, width.CodeCount).Select(i => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits((float)size) + (i * i / 5)))]),
            "log2" => new LogarithmicParameters(width, 1, size),
            "log-sqrt2" => new LogarithmicParameters(width, 2, size),
            "log2-zero" => new LogarithmicParameters(width, 1, 0),
            "sulq" => Sulq(width, size, SulqLevels.Free, default, low),
            "sulq-power-of-two" => Sulq(width, 1, SulqLevels.PowerOfTwo, default, low),
            "sulq-fitted" => Sulq(width, 1, SulqLevels.Fitted, Ascending(width.CodeCount, random, 0, 1), low),
            "sulq-small" => Sulq(width, 1e-3, SulqLevels.Free, default, 0, eta: 1e-7),
            "sulq-constant" => new ShiftUniformLog2Parameters(width, 0.28, -1, -1, SulqLevels.Free),
            "twin-sign" => new TwinUniformParameters(width, size * Math.Pow(2, random.Next(-4, 4)), size, TwinRanges.Sign),
            _ => new TwinUniformParameters(width, size * Math.Pow(2, -random.Next(0, 6)), size, TwinRanges.Magnitude),
        };
    }

    private static ShiftUniformLog2Parameters Sulq(BitWidth width, double size, SulqLevels kind, ImmutableArray<float> fitted, double low, double eta = 0.01) =>
        new(width, eta, Math.Log2(low + eta), Math.Log2(size + low + eta), kind, fitted);

    private static QuantizationParameters PerChannel(string scheme, int bits, int channels, Random random)
    {
        BitWidth width = bits;
        ImmutableArray<float> scale = [.. Enumerable.Range(0, channels).Select(_ => (float)Math.Pow(10, (random.NextDouble() * 4) - 3))];
        return scheme switch
        {
            "uniform" => new AffineParameters(width, Granularity.Channel(-1), scale, [.. scale.Select(_ => (float)random.Next(-5, width.CodeCount))], isSymmetric: false),
            "free-levels" => new ScaledLevelsParameters(
                width, Granularity.Channel(-1), Ascending(width.CodeCount, random, -2, 2), [0f, .. scale.Skip(1)], [.. scale.Select(_ => (float)random.NextDouble() - 0.5f)]),
            _ => new ChannelLevelsParameters(
                width,
                Granularity.Channel(-1),
                [.. scale.SelectMany(_ => Enumerable.Range(0, width.CodeCount).Select(_ => (byte)random.Next(256)).Order())],
                scale,
                [.. scale.Select(_ => (byte)random.Next(256))]),
        };
    }

    private static ImmutableArray<float> Ascending(int count, Random random, double low, double high) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(low + ((high - low) * random.NextDouble()))).Order()];

    private static IQuantizer Quantizer(QuantizationParameters parameters)
    {
        IQuantizer quantizer = parameters switch
        {
            AffineParameters => new UniformQuantizer(parameters.Bits, parameters.Granularity),
            LevelsParameters => new FreeLevelsQuantizer(parameters.Bits, parameters.Granularity),
            ScaledLevelsParameters => new ScaledLevelsQuantizer(parameters.Bits, parameters.Granularity),
            ChannelLevelsParameters => new ChannelLevelsQuantizer(parameters.Bits, parameters.Granularity),
            LogarithmicParameters { StepsPerOctave: 1 } => new Log2Quantizer(parameters.Bits, parameters.Granularity),
            LogarithmicParameters => new LogSqrt2Quantizer(parameters.Bits, parameters.Granularity),
            ShiftUniformLog2Parameters => new ShiftUniformLog2Quantizer(parameters.Bits, parameters.Granularity),
            _ => new TwinUniformQuantizer(parameters.Bits, parameters.Granularity),
        };
        quantizer.ImportParameters(parameters);
        return quantizer;
    }

    private static double[] Borders(IQuantizer quantizer, QuantizationParameters parameters) =>
        quantizer is TableQuantizer table ? Array.ConvertAll(table.Table!.Thresholds, static threshold => (double)threshold) : Middles(parameters.Levels());

    private static double[] Middles(float[] levels) => [.. levels.Zip(levels.Skip(1), static (a, b) => ((double)a + b) / 2), levels[0] - ((double)levels[1] - levels[0]), levels[^1] + ((double)levels[^1] - levels[^2])];

    /// <summary>Numbers on borders, their neighbours, numbers anywhere about them, and corners.</summary>
    private static float[] Near(double[] borders, Random random, int each)
    {
        List<float> values = [.. s_corners];
        double low = borders.Min(), high = borders.Max(), range = Math.Max(high - low, 1e-6);
        foreach (double border in borders)
        {
            float below = (float)border, above = below;
            values.Add(below);
            for (int i = 0; i < 6; i++)
            {
                (below, above) = (MathF.BitDecrement(below), MathF.BitIncrement(above));
                values.AddRange([below, above]);
            }

            for (int i = 0; i < 16 * each; i++)
            {
                values.Add((float)(border * (1 + ((random.NextDouble() - 0.5) * Math.Pow(10, -random.Next(7))))));
            }
        }

        while (values.Count < 2000 * each)
        {
            values.Add((float)(low + (range * ((random.NextDouble() * 1.5) - 0.25))));
        }

        float[] shuffled = [.. values];
        random.Shuffle(shuffled);
        return shuffled;
    }

    private static byte[] Codes(IQuantizer quantizer, float[] values, params long[] shape)
    {
        using var scope = torch.NewDisposeScope();
        return quantizer.Quantize(torch.tensor(values).view(shape)).data<byte>().ToArray();
    }

    private static void AssertLevels(IQuantizer quantizer, ActivationCoder coder, byte[] codes, params long[] shape)
    {
        using var scope = torch.NewDisposeScope();
        float[] expected = quantizer.Dequantize(torch.tensor(codes).view(shape)).data<float>().ToArray();
        var values = new float[codes.Length];
        int length = coder.IsPerChannel ? coder.ChannelCount : codes.Length;
        for (int start = 0; start < codes.Length; start += length)
        {
            coder.Decode(codes.AsSpan(start, length), values.AsSpan(start, length));
        }

        Assert.Equal(expected, values);
    }

    private static void AssertSame(byte[] expected, byte[] actual, float[] values, string what)
    {
        int differing = expected.Zip(actual).Count(static pair => pair.First != pair.Second);
        if (differing > 0)
        {
            int first = expected.Zip(actual).TakeWhile(static pair => pair.First == pair.Second).Count();
            Assert.Fail(FormattableString.Invariant($"{what}: {differing} of {expected.Length} codes differ, first {actual[first]} instead of {expected[first]} for {values[first]:R}."));
        }
    }
}
