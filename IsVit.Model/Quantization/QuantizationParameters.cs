using System.Collections.Immutable;
using System.Globalization;

namespace IsVit.Model.Quantization;

/// <summary>The parameters of a calibrated quantizer as plain data: they can be written to a file and read on any device, and decode the quantizer's codes without torch.</summary>
/// <remarks>
/// Each scheme of this library has its own type: <see cref="AffineParameters"/>, <see cref="LevelsParameters"/>, <see cref="ScaledLevelsParameters"/>, <see cref="ChannelLevelsParameters"/>,
/// <see cref="LogarithmicParameters"/>, <see cref="ShiftUniformLog2Parameters"/>, <see cref="TwinUniformParameters"/>. A scheme that is not one of the library's has <see cref="CustomParameters"/>.
/// The constructors reject invalid values.
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

    /// <summary>The parameters as named vectors, as in a saved model: one entry per tensor, or one for each set, e.g. <c>scale</c> and <c>zero_point</c>. float64 holds every float32 exactly.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<double>> Values => _named.Values;

    /// <summary>Named settings that change the meaning of codes, as in a saved model, e.g. <c>levels</c> of a shift-uniform-log2 quantizer.</summary>
    public IReadOnlyDictionary<string, string> Options => _named.Options;

    /// <summary>The number of sets of parameters: 1 for per tensor, the number of channels for per channel, the number of groups for per group.</summary>
    public abstract int SetCount { get; }

    /// <summary>Creates the parameters of a scheme from named vectors, as in a saved model.</summary>
    /// <param name="scheme">The name of the scheme; one that is not the library's gives <see cref="CustomParameters"/>.</param>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Which elements share one set of parameters.</param>
    /// <param name="values">Named vectors.</param>
    /// <param name="options">Named settings.</param>
    /// <exception cref="QuantizationException">A vector or a setting is missing, or one of its values is invalid; the message contains its name and what was expected.</exception>
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

    /// <summary>Returns a vector of <see cref="Values"/> by its name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="QuantizationException">No vector has that name.</exception>
    public IReadOnlyList<double> Required(string name) => _named.Required(name);

    /// <summary>Returns the dequantized values of the codes of one set of parameters.</summary>
    /// <param name="set">The index of the set, from 0: always 0 for per tensor, the channel for per channel.</param>
    /// <returns>2^b float32 values, in the order of the codes: bit for bit the values that the quantizer itself returns.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The set does not exist.</exception>
    /// <exception cref="QuantizationException">The scheme is not one of the library's, so only its quantizer can decode its codes.</exception>
    public float[] Levels(int set = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(set);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(set, SetCount);
        var levels = new float[Bits.CodeCount];
        Fill(set, levels);
        return levels;
    }

    /// <summary>Dequantizes codes to values.</summary>
    /// <param name="codes">Codes in row-major order, one per byte.</param>
    /// <param name="shape">The tensor's shape.</param>
    /// <param name="values">Receives the values, in the same order.</param>
    /// <exception cref="ArgumentException">The length of the codes or of the values does not match the number of elements of the shape.</exception>
    /// <exception cref="QuantizationException">The number of sets of parameters does not match the shape, a code exceeds the width, or the scheme is not one of the library's.</exception>
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
