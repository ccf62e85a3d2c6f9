using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Runtime.Functions;
using IsVit.Runtime.Products;

namespace IsVit.Runtime.Layers;

/// <summary>
/// softmax(q k^T) v for tokens that attend to each other, each head's two products on integers where both operands are quantized uniformly, else in float: the levels of SULQ lie so close at 0 that no
/// grid of 16 bits keeps them, and in float they are exact.
/// </summary>
internal sealed class AttentionLayer
{
    private readonly LeftOperand _query;
    private readonly LeftOperand _key;
    private readonly LeftOperand _attention;
    private readonly LeftOperand _value;
    private readonly NormLayer? _queryNorm;
    private readonly NormLayer? _keyNorm;
    private readonly Tiles _tiles;
    private readonly float _scale;

    /// <summary>Takes the four operands' quantizers from a model.</summary>
    /// <param name="parts">The model.</param>
    /// <param name="path">The path of the module that has the two products.</param>
    /// <param name="width">The width of a token.</param>
    /// <param name="headCount">The number of heads.</param>
    /// <param name="tokens">The number of tokens.</param>
    /// <param name="normEps">The epsilon of the normalizations of queries and keys; null for none.</param>
    public AttentionLayer(ModelParts parts, string path, int width, int headCount, int tokens, double? normEps = null)
    {
        (HeadCount, HeadWidth, TokenCount, _tiles) = (headCount, width / headCount, tokens, parts.Tiles);
        _scale = (float)(1 / Math.Sqrt(HeadWidth));
        _query = LeftOperand.Create(parts.Quantizer($"{path}.qk", SiteOperand.Left), takesLevels: false);
        _key = LeftOperand.Create(parts.Quantizer($"{path}.qk", SiteOperand.Right), takesLevels: false);
        _attention = LeftOperand.Create(parts.Quantizer($"{path}.av", SiteOperand.Left), takesLevels: false);
        _value = LeftOperand.Create(parts.Quantizer($"{path}.av", SiteOperand.Right), takesLevels: false);
        if (normEps is { } eps)
        {
            _queryNorm = new(parts, $"{path}.q_norm", HeadWidth, eps);
            _keyNorm = new(parts, $"{path}.k_norm", HeadWidth, eps);
        }
    }

    /// <summary>The number of heads.</summary>
    public int HeadCount { get; }

    /// <summary>The width of a head.</summary>
    public int HeadWidth { get; }

    /// <summary>The number of tokens.</summary>
    public int TokenCount { get; }

    /// <summary>The width of a token.</summary>
    public int Width => HeadCount * HeadWidth;

    private bool ScoresAreIntegers => _query.Integers is not null && _key.Integers is not null;

    private bool MixingIsOfIntegers => _attention.Integers is not null && _value.Integers is not null;

    /// <summary>Memory for the queries, keys and values of all tokens.</summary>
    /// <param name="shared">Memory of a layer of the same sizes that is not used at the same time, to be used again where it fits; null for none.</param>
    public AttentionState CreateState(AttentionState? shared)
    {
        var rows = IntegerProduct.RowsOfTiles(TokenCount) + Tiles.Rows;
        var (codes, numbers) = ScoresAreIntegers ? (rows * Width, 0) : (0, rows * Width);
        return new()
        {
            QueryCodes = shared?.QueryCodes.Length == codes ? shared.QueryCodes : new(codes),
            Queries = shared?.Queries.Length == numbers ? shared.Queries : new(numbers),
            KeyIntegers = Heads(ScoresAreIntegers, head => Integers(TokenCount, HeadWidth, _query, _key, shared?.KeyIntegers.ElementAtOrDefault(head)?.Values)),
            Keys = Heads(!ScoresAreIntegers, head => shared?.Keys.ElementAtOrDefault(head) ?? new FloatPanels(_tiles, TokenCount, HeadWidth)),
            ValueIntegers = Heads(MixingIsOfIntegers, head => Integers(HeadWidth, TokenCount, _attention, _value, shared?.ValueIntegers.ElementAtOrDefault(head)?.Values)),
            Values = Heads(!MixingIsOfIntegers, head => shared?.Values.ElementAtOrDefault(head) ?? new FloatPanels(_tiles, HeadWidth, TokenCount)),
        };
    }

    /// <summary>Stores queries, keys and values of some tokens.</summary>
    /// <param name="projected">Rows [3 x heads x head width]: queries, keys, values, each head after head; overwritten.</param>
    /// <param name="stride">The distance between them.</param>
    /// <param name="first">The first token.</param>
    /// <param name="count">The number of tokens.</param>
    /// <param name="state">Where they are stored.</param>
    /// <param name="scratch">The worker's memory.</param>
    public void Accept(Span<float> projected, int stride, int first, int count, AttentionState state, Scratch scratch)
    {
        if (_queryNorm is not null)
        {
            Normalize(projected, stride, count);
        }

        for (var row = 0; row < count; row++)
        {
            Rows.Multiply(projected.Slice(row * stride, Width), _scale);
        }

        AcceptQueries(projected, stride, first, count, state, scratch);
        AcceptKeys(projected[Width..], stride, first, count, state, scratch);
        AcceptValues(projected[(2 * Width)..], stride, first, count, state, scratch);
    }

    /// <summary>Lets some tokens attend to all.</summary>
    /// <param name="state">Queries, keys and values of all tokens.</param>
    /// <param name="first">The first token.</param>
    /// <param name="count">The number of tokens.</param>
    /// <param name="bias">[heads, tokens, tokens], added to the scores; empty for none.</param>
    /// <param name="output">Receives rows of <see cref="Width"/> numbers; memory of whole tiles of rows, and a panel more a row.</param>
    /// <param name="stride">The distance between them.</param>
    /// <param name="scratch">The worker's memory; <see cref="Scratch.Second"/> is overwritten.</param>
    public void Attend(AttentionState state, int first, int count, ReadOnlySpan<float> bias, Span<float> output, int stride, Scratch scratch)
    {
        var scores = scratch.Second;
        for (var head = 0; head < HeadCount; head++)
        {
            Score(state, first, count, head, scores, scratch);
            for (var row = 0; row < count; row++)
            {
                var line = scores.Slice(row * scratch.Stride, TokenCount);
                if (!bias.IsEmpty)
                {
                    Rows.Add(line, bias.Slice(((head * TokenCount) + first + row) * TokenCount, TokenCount));
                }

                Softmax.Apply(line);
            }

            // A head's last panel may reach into the next head's place, which is written later.
            Mix(state, count, head, scores, output[(head * HeadWidth)..], stride, scratch);
        }
    }

    private T[] Heads<T>(bool areUsed, Func<int, T> create) => areUsed ? [.. Enumerable.Range(0, HeadCount).Select(create)] : [];

    private IntegerPanels Integers(int columns, int depth, LeftOperand left, LeftOperand right, AlignedBuffer<sbyte>? shared)
    {
        var middle = Middle(right);
        var panels = new IntegerPanels(_tiles, columns, depth, left.Integers!.Value, middle, shared);
        var offset = middle - right.Integers!.Value.ZeroPoint;
        panels.Scale.Span.Fill(left.Scale * right.Scale);
        panels.Offset.Span.Fill(offset);
        panels.HasOffsets = offset != 0;
        return panels;
    }

    private static int Middle(LeftOperand right) => (right.Integers!.Value.Maximum + 1) / 2;

    private void Normalize(Span<float> projected, int stride, int count)
    {
        for (var row = 0; row < count; row++)
        {
            for (var head = 0; head < HeadCount; head++)
            {
                var query = projected.Slice((row * stride) + (head * HeadWidth), HeadWidth);
                var key = projected.Slice((row * stride) + Width + (head * HeadWidth), HeadWidth);
                _queryNorm!.Apply(query, query);
                _keyNorm!.Apply(key, key);
            }
        }
    }

    private void AcceptQueries(ReadOnlySpan<float> queries, int stride, int first, int count, AttentionState state, Scratch scratch)
    {
        if (!ScoresAreIntegers)
        {
            Round(_query, queries, stride, count, state.Queries.Span[(first * Width)..], scratch);
            return;
        }

        for (var row = 0; row < count; row++)
        {
            _query.Coder!.Encode(queries.Slice(row * stride, Width), state.QueryCodes.Span.Slice((first + row) * Width, Width));
        }
    }

    private void AcceptKeys(ReadOnlySpan<float> keys, int stride, int first, int count, AttentionState state, Scratch scratch)
    {
        if (!ScoresAreIntegers)
        {
            Round(_key, keys, stride, count, scratch.Numbers.Span, scratch);
            for (var head = 0; head < HeadCount; head++)
            {
                state.Keys[head].SetColumns(first, scratch.Numbers.Span[(head * HeadWidth)..], Width, count);
            }

            return;
        }

        var codes = scratch.Codes.Span[..Width];
        for (var row = 0; row < count; row++)
        {
            _key.Coder!.Encode(keys.Slice(row * stride, Width), codes);
            for (var head = 0; head < HeadCount; head++)
            {
                var panels = state.KeyIntegers[head];
                panels.SetSum(first + row, panels.SetColumn(first + row, codes.Slice(head * HeadWidth, HeadWidth), Middle(_key)));
            }
        }
    }

    private void AcceptValues(ReadOnlySpan<float> values, int stride, int first, int count, AttentionState state, Scratch scratch)
    {
        if (!MixingIsOfIntegers)
        {
            Round(_value, values, stride, count, scratch.Numbers.Span, scratch);
            for (var row = 0; row < count; row++)
            {
                for (var head = 0; head < HeadCount; head++)
                {
                    state.Values[head].SetRow(first + row, scratch.Numbers.Span.Slice((row * Width) + (head * HeadWidth), HeadWidth));
                }
            }

            return;
        }

        var codes = scratch.Codes.Span;
        for (var row = 0; row < count; row++)
        {
            _value.Coder!.Encode(values.Slice(row * stride, Width), codes.Slice(row * Width, Width));
        }

        IntegerSums.Subtract(codes[..(count * Width)], (byte)Middle(_value));
        for (var head = 0; head < HeadCount; head++)
        {
            state.ValueIntegers[head].SetRows(first, codes[(head * HeadWidth)..], Width, count);
        }
    }

    /// <summary>Rows of all heads in float; channels of a quantizer are those of a head.</summary>
    private void Round(LeftOperand operand, ReadOnlySpan<float> rows, int stride, int count, Span<float> numbers, Scratch scratch)
    {
        if (operand.Coder is not { IsPerChannel: true })
        {
            operand.Round(rows, stride, count, Width, scratch.Codes.Span, numbers);
            return;
        }

        for (var row = 0; row < count; row++)
        {
            operand.Round(rows[(row * stride)..], HeadWidth, HeadCount, HeadWidth, scratch.Codes.Span, numbers[(row * Width)..]);
        }
    }

    private void Score(AttentionState state, int first, int count, int head, Span<float> scores, Scratch scratch)
    {
        var start = (first * Width) + (head * HeadWidth);
        if (!ScoresAreIntegers)
        {
            FloatProduct.Multiply(state.Queries, start, Width, count, state.Keys[head], scores, scratch.Stride);
            return;
        }

        var keys = state.KeyIntegers[head];
        var queries = state.QueryCodes.Span;
        var zeros = HeadWidth * keys.Left.ZeroPoint;
        for (var row = 0; row < count; row++)
        {
            var codes = queries.Slice(start + (row * Width), HeadWidth);
            scratch.Sums[row] = IntegerSums.Of(codes) - zeros;
            var target = scratch.Codes.Span.Slice(row * keys.FilledDepth, keys.FilledDepth);
            codes.CopyTo(target);
            target[HeadWidth..].Clear();
        }

        Multiply(keys, count, scores, scratch.Stride, scratch);
    }

    private void Mix(AttentionState state, int count, int head, Span<float> attention, Span<float> output, int stride, Scratch scratch)
    {
        if (!MixingIsOfIntegers)
        {
            _attention.Round(attention, scratch.Stride, count, TokenCount, scratch.Codes.Span, scratch.Numbers.Span);
            FloatProduct.Multiply(scratch.Numbers, 0, TokenCount, count, state.Values[head], output, stride);
            return;
        }

        var values = state.ValueIntegers[head];
        values.SumColumns();
        _attention.Encode(attention, scratch.Stride, count, TokenCount, values.FilledDepth, scratch.Codes.Span, scratch.Sums);
        Multiply(values, count, output, stride, scratch);
    }

    /// <summary>Multiplies the codes in the worker's memory, row by row of the right operand's filled depth.</summary>
    private static void Multiply(IntegerPanels right, int rows, Span<float> output, int stride, Scratch scratch)
    {
        if (right.Form != IntegerForm.Shorts)
        {
            IntegerProduct.Multiply(scratch.Codes, 0, right.FilledDepth, scratch.Sums, rows, right, output, stride);
            return;
        }

        IntegerSums.Widen(scratch.Codes.Span[..(rows * right.FilledDepth)], scratch.Shorts.Span);
        IntegerProduct.Multiply(scratch.Shorts, 0, right.FilledDepth, scratch.Sums, rows, right, output, stride);
    }
}
