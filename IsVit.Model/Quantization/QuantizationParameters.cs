using System.Collections.Immutable;
using System.Globalization;

namespace IsVit.Model.Quantization;

/// <summary>What a calibrated quantizer knows, in plain numbers: it can be written to a file, read on any device, and decodes the quantizer's codes without torch.</summary>
/// <remarks>
/// Each scheme of this library has a type of its own: <see cref="AffineParameters"/>, <see cref="LevelsParameters"/>, <see cref="ScaledLevelsParameters"/>, <see cref="ChannelLevelsParameters"/>,
/// <see cref="LogarithmicParameters"/>, <see cref="ShiftUniformLog2Parameters"/>, <see cref="TwinUniformParameters"/>. A scheme that the library does not know has <see cref="CustomParameters"/>.
/// None can be made of values that make no sense: their constructors check them.
/// </remarks>
public abstract class QuantizationParameters
{
    private readonly NamedParameters _named;

    private protected QuantizationParameters(NamedParameters named)
    {
        ArgumentException.ThrowIfNullOrEmpty(named.Scheme);
        ArgumentNullException.ThrowIfNull(named.Granularity);
        _named = named;
    }

    /// <summary>The stable name of the kind of quantizer, e.g. <c>uniform</c>.</summary>
    public string Scheme => _named.Scheme;

    /// <summary>The number of bits of a code.</summary>
    public BitWidth Bits => _named.Bits;

    /// <summary>Which elements share one set of parameters.</summary>
    public Granularity Granularity => _named.Granularity;

    /// <summary>The parameters as named vectors, as a saved model has them: one entry per tensor, or one for each set, e.g. <c>scale</c> and <c>zero_point</c>. float64 holds every float32 exactly.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<double>> Values => _named.Values;

    /// <summary>Named settings that change what codes mean, as a saved model has them, e.g. <c>levels</c> of a shift-uniform-log2 quantizer.</summary>
    public IReadOnlyDictionary<string, string> Options => _named.Options;

    /// <summary>How many sets of parameters there are: 1 per tensor, the number of channels per channel, the number of groups per group.</summary>
    public abstract int SetCount { get; }

    /// <summary>Parameters of a scheme from named vectors, as a saved model has them.</summary>
    /// <param name="scheme">The name of the scheme; one that the library does not know gives <see cref="CustomParameters"/>.</param>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Which elements share one set of parameters.</param>
    /// <param name="values">Named vectors.</param>
    /// <param name="options">Named settings.</param>
    /// <exception cref="QuantizationException">A vector or a setting is missing, or one of its values makes no sense; the message names it and what was expected.</exception>
    public static QuantizationParameters Create(
        string scheme,
        BitWidth bits,
        Granularity granularity,
        IReadOnlyDictionary<string, IReadOnlyList<double>> values,
        IReadOnlyDictionary<string, string> options)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(options);
        var named = new NamedParameters(scheme, bits, granularity, values, options);
        return scheme switch
        {
            AffineParameters.SchemeName => new AffineParameters(named),
            LevelsParameters.SchemeName when granularity is Granularity.PerTensor => new LevelsParameters(named),
            LevelsParameters.SchemeName => new ScaledLevelsParameters(named),
            ChannelLevelsParameters.SchemeName => new ChannelLevelsParameters(named),
            LogarithmicParameters.Log2SchemeName or LogarithmicParameters.LogSqrt2SchemeName => new LogarithmicParameters(named),
            ShiftUniformLog2Parameters.SchemeName => new ShiftUniformLog2Parameters(named),
            TwinUniformParameters.SchemeName => new TwinUniformParameters(named),
            _ => new CustomParameters(named),
        };
    }

    /// <summary>A vector of <see cref="Values"/> by its name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="QuantizationException">There is none of that name.</exception>
    public IReadOnlyList<double> Required(string name) => _named.Required(name);

    /// <summary>What the codes of one set of parameters stand for.</summary>
    /// <param name="set">The set, from 0: always 0 per tensor, the channel per channel.</param>
    /// <returns>2^b numbers in float32, in the order of the codes: the same bits as the quantizer itself decodes them to.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such set.</exception>
    /// <exception cref="QuantizationException">The scheme is not one of the library's, so that its quantizer alone knows.</exception>
    public float[] Levels(int set = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(set);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(set, SetCount);
        var levels = new float[Bits.CodeCount];
        Fill(set, levels);
        return levels;
    }

    /// <summary>Codes to numbers.</summary>
    /// <param name="codes">Codes in row-major order, one a byte.</param>
    /// <param name="shape">The tensor's shape.</param>
    /// <param name="values">Where the numbers go, in the same order.</param>
    /// <exception cref="ArgumentException">There are not as many codes, or places for numbers, as the shape has elements.</exception>
    /// <exception cref="QuantizationException">The shape does not have as many sets of parameters as there are, a code is beyond the width, or the scheme is not one of the library's.</exception>
    public void Dequantize(ReadOnlySpan<byte> codes, ReadOnlySpan<long> shape, Span<float> values)
    {
        var count = 1L;
        foreach (var length in shape)
        {
            count *= length;
        }

        if (codes.Length != count || values.Length != count)
        {
            throw new ArgumentException(FormattableString.Invariant($"A tensor of shape [{string.Join(", ", shape.ToArray())}] has {count} elements; there are {codes.Length} codes and places for {values.Length} numbers."), nameof(codes));
        }

        var layout = Granularity.LayoutOf(shape);
        if (layout.SetCount != SetCount)
        {
            throw new QuantizationException(FormattableString.Invariant($"A tensor of shape [{string.Join(", ", shape.ToArray())}] has {layout.SetCount} sets of parameters of granularity {Granularity}; these are {SetCount}."));
        }

        if (codes.ContainsAnyExceptInRange((byte)0, (byte)Bits.MaxCode))
        {
            throw new QuantizationException(FormattableString.Invariant($"A code is {codes[codes.IndexOfAnyExceptInRange((byte)0, (byte)Bits.MaxCode)]}; expected 0 to {Bits.MaxCode} for {Bits.Bits} bits."));
        }

        var levels = new float[Bits.CodeCount];
        var filled = -1;
        for (var start = 0; start < codes.Length; start += layout.RunLength)
        {
            var set = start / layout.RunLength % SetCount;
            if (set != filled)
            {
                Fill(set, levels);
                filled = set;
            }

            for (var i = start; i < start + layout.RunLength; i++)
            {
                values[i] = levels[codes[i]];
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Scheme}, {Bits} bits, {Granularity}");

    private protected abstract void Fill(int set, Span<float> levels);

    private protected QuantizationException Unfit(string expected) => new(
        $"Parameters of a '{Scheme}' quantizer, {Granularity}, have {string.Join(", ", Values.Select(static entry => string.Create(CultureInfo.InvariantCulture, $"'{entry.Key}' of {entry.Value.Count}")))} entries; expected {expected}.");

    /// <summary>float32 nearest to a number, none of them infinite.</summary>
    internal static float Nearest(double value) => (float)Math.Clamp(value, -float.MaxValue, float.MaxValue) + 0f;

    private protected static IReadOnlyList<double> Vector(ImmutableArray<float> values, string name) =>
        values.IsDefault ? throw new ArgumentNullException(name) : [.. values.Select(static value => (double)value)];

    private protected static IReadOnlyList<double> Vector(ImmutableArray<byte> values, string name) =>
        values.IsDefault ? throw new ArgumentNullException(name) : [.. values.Select(static value => (double)value)];
}
