using IsVit.Model.Architectures;
using IsVit.Runtime.Functions;
using IsVit.Runtime.Layers;

namespace IsVit.Runtime.Graphs;

/// <summary>
/// A ViT or DeiT. A phase ends where attention needs all tokens: phase 0 embeds and projects, phase i lets tokens attend in block i, applies the rest of the block and projects for the next. Of the last block
/// only those tokens are computed that the head reads.
/// </summary>
internal sealed class VisionTransformerGraph : IImageGraph
{
    private const int RowsOfItem = 24;

    private readonly VisionTransformerOptions _options;
    private readonly PatchLayer _patches;
    private readonly float[] _prefix;
    private readonly float[] _positions;
    private readonly TransformerBlock[] _blocks;
    private readonly NormLayer _norm;
    private readonly LinearLayer? _preLogits;
    private readonly LinearLayer? _head;
    private readonly LinearLayer? _distilledHead;
    private readonly int _tokens;

    /// <summary>Takes the model's parts.</summary>
    public VisionTransformerGraph(ModelParts parts, VisionTransformerOptions options)
    {
        _options = options;
        var width = options.EmbedDim;
        _tokens = options.PrefixTokenCount + options.PatchCount;
        _patches = new(parts, "patch_embed.proj", options.InChannels, options.ImageSize, options.ImageWidth ?? options.ImageSize, options.PatchSize, width);
        var positions = parts.Floats("pos_embed", 1, options.PrefixPositionCount + options.PatchCount, width);
        _positions = positions[(options.PrefixPositionCount * width)..];
        _prefix =
        [
            .. options.HasClassToken ? parts.Floats("cls_token", 1, 1, width) : [],
            .. options.Distilled ? parts.Floats("dist_token", 1, 1, width) : [],
            .. options.RegisterTokenCount > 0 ? parts.Floats("reg_token", 1, options.RegisterTokenCount, width) : [],
        ];
        Rows.Add(_prefix.AsSpan(0, options.PrefixPositionCount * width), positions);
        _blocks = [.. Enumerable.Range(0, options.Depth).Select(i => new TransformerBlock(parts, $"blocks.{i}", options, _tokens))];
        _norm = new(parts, options.Pooling == PoolingKind.Average ? "fc_norm" : "norm", width, options.LayerNormEps);
        _preLogits = options.PreLogitsDim is { } dim ? LinearLayer.Create(parts, "pre_logits.fc", width, dim) : null;
        _head = options.ClassCount > 0 ? LinearLayer.Create(parts, "head", options.FeatureDim, options.ClassCount) : null;
        _distilledHead = options.Distilled && options.ClassCount > 0 ? LinearLayer.Create(parts, "head_dist", width, options.ClassCount) : null;
    }

    /// <inheritdoc/>
    public int InputLength => _patches.ImageLength;

    /// <inheritdoc/>
    public int OutputWidth => _options.ClassCount > 0 ? _options.ClassCount : _options.FeatureDim;

    /// <inheritdoc/>
    public int PhaseCount => _blocks.Length + 2;

    private int Width => _options.EmbedDim;

    // What the head reads: the class token and the distillation token, or all.
    private int TokensOfHead => _options.Pooling == PoolingKind.ClassToken ? (_options.Distilled ? 2 : 1) : _tokens;

    /// <inheritdoc/>
    public object CreateState()
    {
        // A block's queries, keys and values are read while those of the next are written.
        var attention = new AttentionState[_blocks.Length];
        for (var i = 0; i < attention.Length; i++)
        {
            attention[i] = _blocks[i].Attention.CreateState(i < 2 ? null : attention[i - 2]);
        }

        return new State(new float[_tokens * Width], attention);
    }

    /// <inheritdoc/>
    public Scratch CreateScratch() => new(
        RowsOfItem,
        Max(_patches.PatchLength, _options.HiddenDim, _tokens, Width, _options.FeatureDim),
        Max(3 * Width, _options.HiddenDim, _tokens, OutputWidth, _patches.PatchLength));

    /// <inheritdoc/>
    public int ItemCount(int phase)
    {
        var rows = phase == _blocks.Length + 1 ? 1 : phase == _blocks.Length ? TokensOfHead : _tokens;
        return (rows + RowsOfItem - 1) / RowsOfItem;
    }

    /// <inheritdoc/>
    public void Do(int phase, int item, ReadOnlySpan<float> image, object state, Span<float> output, Scratch scratch)
    {
        var (tokens, attention) = (State)state;
        if (phase == _blocks.Length + 1)
        {
            Classify(tokens, output, scratch);
            return;
        }

        var first = item * RowsOfItem;
        var count = Math.Min(RowsOfItem, (phase == _blocks.Length ? TokensOfHead : _tokens) - first);
        if (phase == 0)
        {
            Embed(image, first, count, tokens, scratch);
        }
        else
        {
            _blocks[phase - 1].Finish(tokens, first, count, attention[phase - 1], scratch);
        }

        if (phase < _blocks.Length)
        {
            _blocks[phase].Project(tokens, first, count, attention[phase], scratch);
        }
    }

    private static int Max(params ReadOnlySpan<int> values)
    {
        var most = 0;
        foreach (var value in values)
        {
            most = Math.Max(most, value);
        }

        return most;
    }

    private void Embed(ReadOnlySpan<float> image, int first, int count, Span<float> tokens, Scratch scratch)
    {
        var prefix = _options.PrefixTokenCount;
        var ofPrefix = Math.Clamp(prefix - first, 0, count);
        _prefix.AsSpan(Math.Min(first, prefix) * Width, ofPrefix * Width).CopyTo(tokens[(first * Width)..]);
        var patch = first + ofPrefix - prefix;
        if (count == ofPrefix)
        {
            return;
        }

        _patches.Apply(image, patch, count - ofPrefix, scratch.First, scratch);
        for (var row = 0; row < count - ofPrefix; row++)
        {
            var token = tokens.Slice((first + ofPrefix + row) * Width, Width);
            scratch.First.Slice(row * scratch.Stride, Width).CopyTo(token);
            Rows.Add(token, _positions.AsSpan((patch + row) * Width, Width));
        }
    }

    private void Classify(Span<float> tokens, Span<float> output, Scratch scratch)
    {
        var pooled = scratch.First.Slice(0, _options.Pooling == PoolingKind.ClassTokenAndAverage ? 2 * Width : Width);
        Pool(tokens, pooled);
        var distilled = scratch.First.Slice(scratch.Stride, Width);
        if (_options.Distilled)
        {
            tokens.Slice(Width, Width).CopyTo(distilled);
        }

        if (_preLogits is not null)
        {
            _preLogits.Apply(pooled, pooled.Length, 1, scratch.Second, scratch.Stride, scratch);
            pooled = scratch.First.Slice(0, _preLogits.OutputWidth);
            scratch.Second.Slice(0, pooled.Length).CopyTo(pooled);
            HyperbolicTangent.Apply(pooled);
        }

        if (_head is null)
        {
            pooled.CopyTo(output);
            if (_options.Distilled)
            {
                Halve(output, distilled);
            }

            return;
        }

        _head.Apply(pooled, pooled.Length, 1, scratch.Second, scratch.Stride, scratch);
        scratch.Second.Slice(0, OutputWidth).CopyTo(output);
        if (_distilledHead is not null)
        {
            _distilledHead.Apply(distilled, Width, 1, scratch.Second, scratch.Stride, scratch);
            Halve(output, scratch.Second.Slice(0, OutputWidth));
        }
    }

    private static void Halve(Span<float> output, ReadOnlySpan<float> other)
    {
        Rows.Add(output, other);
        Rows.Multiply(output, 0.5f);
    }

    private void Pool(Span<float> tokens, Span<float> pooled)
    {
        var isNormalizedLater = _options.Pooling == PoolingKind.Average;
        if (!isNormalizedLater)
        {
            _norm.Apply(tokens, Width, TokensOfHead, tokens, Width);
        }

        if (_options.Pooling is PoolingKind.ClassToken or PoolingKind.ClassTokenAndAverage)
        {
            tokens[..Width].CopyTo(pooled);
        }

        if (_options.Pooling != PoolingKind.ClassToken)
        {
            var mean = pooled[^Width..];
            mean.Clear();
            for (var patch = 0; patch < _options.PatchCount; patch++)
            {
                Rows.Add(mean, tokens.Slice((_options.PrefixTokenCount + patch) * Width, Width));
            }

            Rows.Multiply(mean, 1f / _options.PatchCount);
        }

        if (isNormalizedLater)
        {
            _norm.Apply(pooled, pooled);
        }
    }

    private sealed record State(float[] Tokens, AttentionState[] Attention);
}
