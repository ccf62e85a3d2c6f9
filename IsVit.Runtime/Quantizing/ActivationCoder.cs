using IsVit.Model.Quantization;
using IsVit.Runtime.Functions;
using IsVit.Runtime.Products;

namespace IsVit.Runtime.Quantizing;

/// <summary>What a quantizer does to a row of activations: for every float32 number exactly the code that the quantizer of the same parameters chooses, and what codes stand for. A NaN gets some code.</summary>
internal abstract class ActivationCoder
{
    /// <summary>How many numbers are encoded at once; shorter rows are padded.</summary>
    private protected const int Block = 16;

    private protected ActivationCoder(QuantizationParameters parameters)
    {
        Bits = parameters.Bits;
        ChannelCount = parameters.SetCount;
        IsPerChannel = parameters.Granularity is Granularity.PerChannel;
    }

    /// <summary>The number of bits of a code.</summary>
    public BitWidth Bits { get; }

    /// <summary>Whether each element of a row has parameters of its own.</summary>
    public bool IsPerChannel { get; }

    /// <summary>The length of a row if the coder is per channel, 1 if a row of any length shares one set of parameters.</summary>
    public int ChannelCount { get; }

    /// <summary>Creates the coder of an activation site.</summary>
    /// <param name="parameters">Per tensor, or per channel along the last axis.</param>
    /// <exception cref="QuantizationException">The scheme is not one of the library's, or the granularity is another.</exception>
    public static ActivationCoder Create(QuantizationParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters is CustomParameters)
        {
            throw new QuantizationException($"The runtime encodes activations by the library's own schemes; '{parameters.Scheme}' is none of them.");
        }

        if (parameters.Granularity is not (Granularity.PerTensor or Granularity.PerChannel { Axis: -1 }))
        {
            throw new QuantizationException($"The runtime encodes activations per tensor or per channel of the last axis, '{Granularity.Channel(-1)}'; the parameters of a '{parameters.Scheme}' quantizer are '{parameters.Granularity}'.");
        }

        return parameters switch
        {
            AffineParameters affine => new UniformCoder(affine),
            _ when parameters.Granularity is Granularity.PerChannel => new ChannelTableCoder(parameters),
            _ when parameters.Bits.CodeCount <= ShortTableCoder.MostCodes => new ShortTableCoder(parameters),
            _ => new LongTableCoder(parameters),
        };
    }

    /// <summary>Encodes a row.</summary>
    /// <param name="row">The numbers; as many as channels, if there are channels.</param>
    /// <param name="codes">Receives a code for each.</param>
    public void Encode(ReadOnlySpan<float> row, Span<byte> codes) => Encode(row, codes, VectorWidths.Widest);

    /// <summary>Encodes a row by vectors of one width.</summary>
    /// <param name="row">The numbers; as many as channels, if there are channels.</param>
    /// <param name="codes">Receives a code for each.</param>
    /// <param name="width">The width.</param>
    public void Encode(ReadOnlySpan<float> row, Span<byte> codes, VectorWidth width)
    {
        Require(row.Length, codes.Length);
        if (row.Length >= Block)
        {
            EncodeBlocks(row, codes, width);
            return;
        }

        Span<float> numbers = stackalloc float[Block];
        Span<byte> encoded = stackalloc byte[Block];
        numbers.Clear();
        row.CopyTo(numbers);
        EncodeBlocks(numbers, encoded, width);
        encoded[..row.Length].CopyTo(codes);
    }

    /// <summary>Decodes a row.</summary>
    /// <param name="codes">The codes; as many as channels, if there are channels.</param>
    /// <param name="values">Receives what each stands for.</param>
    public void Decode(ReadOnlySpan<byte> codes, Span<float> values)
    {
        Require(codes.Length, values.Length);
        DecodeRow(codes, values);
    }

    /// <summary>Rounds a row to what its codes stand for.</summary>
    /// <param name="row">The numbers; as many as channels, if there are channels.</param>
    /// <param name="values">Receives a level for each.</param>
    /// <param name="codes">Memory for as many codes.</param>
    public void Round(ReadOnlySpan<float> row, Span<float> values, Span<byte> codes)
    {
        Require(row.Length, Math.Min(values.Length, codes.Length));
        if (!TryRound(row, values))
        {
            Encode(row, codes[..row.Length]);
            DecodeRow(codes[..row.Length], values);
        }
    }

    /// <summary>Takes a row to an integer for each code.</summary>
    /// <param name="row">The numbers; as many as channels, if there are channels.</param>
    /// <param name="table">2^b integers.</param>
    /// <param name="values">Receives an integer for each number.</param>
    /// <param name="codes">Memory for as many codes.</param>
    /// <returns>Their sum.</returns>
    public int Look(ReadOnlySpan<float> row, short[] table, Span<short> values, Span<byte> codes)
    {
        Require(row.Length, Math.Min(values.Length, codes.Length));
        if (!TryLook(row, table, values))
        {
            Encode(row, codes[..row.Length]);
            CodeTable.Look(codes[..row.Length], table, values);
        }

        return IntegerSums.Of(values[..row.Length]);
    }

    /// <summary>The code of a number, by the definition: the reference of <see cref="Encode(ReadOnlySpan{float}, Span{byte})"/>.</summary>
    /// <param name="value">The number.</param>
    /// <param name="channel">Its channel; 0 per tensor.</param>
    public abstract byte EncodeOne(float value, int channel = 0);

    /// <summary>Encodes at least <see cref="Block"/> numbers; what a coder has for each channel is padded to as many.</summary>
    private protected abstract void EncodeBlocks(ReadOnlySpan<float> row, Span<byte> codes, VectorWidth width);

    /// <summary>Rounds a row without codes between, if the coder can.</summary>
    private protected virtual bool TryRound(ReadOnlySpan<float> row, Span<float> values) => false;

    /// <summary>Looks integers up without codes between, if the coder can.</summary>
    private protected virtual bool TryLook(ReadOnlySpan<float> row, short[] table, Span<short> values) => false;

    private protected abstract void DecodeRow(ReadOnlySpan<byte> codes, Span<float> values);

    private void Require(int length, int other)
    {
        if (other < length || (IsPerChannel && length != ChannelCount))
        {
            throw new ArgumentException(FormattableString.Invariant($"A row has {length} elements and room for {other} results; expected room for all, and {(IsPerChannel ? ChannelCount : length)} elements."), nameof(length));
        }
    }
}
