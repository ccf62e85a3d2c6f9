using IsVit.Runtime.Functions;
using MathNet.Numerics;

namespace IsVit.Tests.Runtime.Functions;

public sealed class RowFunctionTests
{
    // Every number of a sweep over all float32 numbers, subnormal and infinite ones among them, in an order that puts each at some other place of a vector.
    private static readonly float[] s_sweep = Sweep();

    public static TheoryData<string> Names { get; } = new("gelu", "silu", "tanh");

    [Theory]
    [InlineData("gelu", 5e-7, 2e-37, 1e-43)]
    [InlineData("silu", 4e-7, 2e-36, 1e-42)]
    [InlineData("tanh", 5e-7, 0, 0)]
    public void Apply_AllMagnitudes_StaysWithinTheStatedBound(string name, double relative, double normal, double absolute)
    {
        float[] row = [.. s_sweep];

        Apply(name, row, VectorWidths.Widest);

        var (worst, at) = (0.0, 0f);
        for (var i = 0; i < row.Length; i++)
        {
            double expected = Exact(name, s_sweep[i]);
            if (double.IsNaN(expected) || double.IsInfinity(expected))
            {
                Assert.Equal(expected, row[i]);
                continue;
            }

            double error = Math.Abs(row[i] - expected);

            // A subnormal result is one of few numbers.
            double bound = Math.Abs(expected) > normal ? (relative * Math.Abs(expected)) + float.Epsilon : absolute;
            (worst, at) = error / bound > worst ? (error / bound, s_sweep[i]) : (worst, at);
        }

        Assert.True(worst <= 1, FormattableString.Invariant($"{name}({at:R}) is off by {worst:0.00} times the bound."));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Apply_EachWidth_GivesTheSameBits(string name)
    {
        float[] widest = [.. s_sweep], middle = [.. s_sweep], narrow = [.. s_sweep];

        Apply(name, widest, VectorWidth.Bits512);
        Apply(name, middle, VectorWidth.Bits256);
        Apply(name, narrow, VectorWidth.Bits128);

        AssertSame(widest, middle);
        AssertSame(widest, narrow);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Apply_AnyLengthAndPlace_GivesEachNumberItsValue(string name)
    {
        float[] whole = [.. s_sweep];
        Apply(name, whole, VectorWidths.Widest);

        foreach (VectorWidth width in Enum.GetValues<VectorWidth>())
        {
            for (int length = 0; length < 70; length++)
            {
                int start = 1000 + (31 * length);
                float[] part = [.. s_sweep.AsSpan(start, length), 7];
                Apply(name, part.AsSpan(0, length), width);

                AssertSame(whole.AsSpan(start, length), part.AsSpan(0, length));
                Assert.Equal(7, part[length]);
            }
        }
    }

    private static void Apply(string name, Span<float> row, VectorWidth width)
    {
        switch (name)
        {
            case "gelu":
                Gelu.Apply(row, width);
                break;
            case "silu":
                Silu.Apply(row, width);
                break;
            default:
                HyperbolicTangent.Apply(row, width);
                break;
        }
    }

    // The limits at negative infinity are 0, where the formulas have infinity times 0.
    private static double Exact(string name, double x) => name switch
    {
        "gelu" => double.IsNegativeInfinity(x) ? 0 : double.IsPositiveInfinity(x) ? x : x / 2 * SpecialFunctions.Erfc(-x / Math.Sqrt(2)),
        "silu" => double.IsNegativeInfinity(x) ? 0 : x > -700 ? x / (1 + Math.Exp(-x)) : 0,
        _ => Math.Tanh(x),
    };

    internal static void AssertSame(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]) && !(float.IsNaN(expected[i]) && float.IsNaN(actual[i])))
            {
                Assert.Fail(FormattableString.Invariant($"Element {i} is {actual[i]:R}; expected {expected[i]:R}."));
            }
        }
    }

    private static float[] Sweep()
    {
        var numbers = new List<float> { 0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.MinValue, float.Epsilon, -float.Epsilon };
        for (long bits = 0; bits < 0x7F800000; bits += 25013)
        {
            numbers.Add(BitConverter.Int32BitsToSingle((int)bits));
            numbers.Add(-BitConverter.Int32BitsToSingle((int)bits));
        }

        // Where the functions bend.
        var random = new Random(5);
        for (int i = 0; i < 150_000; i++)
        {
            numbers.Add((float)((random.NextDouble() - 0.5) * 32));
        }

        float[] sweep = [.. numbers];
        random.Shuffle(sweep);
        return sweep;
    }
}
