using IsVit.Model.Architectures;
using IsVit.Runtime.Layers;

namespace IsVit.Runtime.Graphs;

/// <summary>A Swin transformer (Liu et al., arXiv 2103.14030). Its phases are the embedding, each merging and each block, and the classifier; the items of a block are its windows.</summary>
internal sealed class SwinGraph : IImageGraph
{
    private const int RowsOfItem = 24;

    private readonly SwinTransformerOptions _options;
    private readonly PatchLayer _patches;
    private readonly NormLayer _patchNorm;
    private readonly List<Step> _steps = [];
    private readonly NormLayer _norm;
    private readonly LinearLayer? _head;
    private readonly int _lastTokens;

    /// <summary>Takes the model's parts.</summary>
    public SwinGraph(ModelParts parts, SwinTransformerOptions options)
    {
        _options = options;
        var last = options.Depths.Count - 1;
        _patches = new(parts, "patch_embed.proj", options.InChannels, options.ImageSize, options.ImageSize, options.PatchSize, options.EmbedDim);
        _patchNorm = new(parts, "patch_embed.norm", options.EmbedDim, options.LayerNormEps);
        var (rows, columns) = (options.PatchesPerSide, options.PatchesPerSide);
        for (var layer = 0; layer <= last; layer++)
        {
            if (layer > 0)
            {
                var merge = new MergeLayer(parts, $"layers.{layer}.downsample", options, layer - 1, rows, columns);
                (rows, columns) = (merge.Rows, merge.Columns);
                _steps.Add(new(merge, null, rows * columns, layer));
            }

            var window = options.WindowOf(layer);
            var shift = options.ShiftOf(layer);
            WindowPlan[] plans = [new(rows, columns, window, 0), new(rows, columns, window, shift)];
            for (var i = 0; i < options.Depths[layer]; i++)
            {
                var number = _steps.Count(static step => step.Block is not null);
                _steps.Add(new(null, new(parts, $"layers.{layer}.blocks.{i}", number, options, layer, plans[i % 2]), rows * columns, layer));
            }
        }

        _lastTokens = rows * columns;
        _norm = new(parts, "norm", options.DimOf(last), options.LayerNormEps);
        _head = options.ClassCount > 0 ? LinearLayer.Create(parts, "head.fc", options.DimOf(last), options.ClassCount) : null;
    }

    /// <inheritdoc/>
    public int InputLength => _patches.ImageLength;

    /// <inheritdoc/>
    public int OutputWidth => _head?.OutputWidth ?? LastWidth;

    /// <inheritdoc/>
    public int PhaseCount => _steps.Count + 2;

    private int LastWidth => _options.DimOf(_options.Depths.Count - 1);

    private int PatchCount => _options.PatchesPerSide * _options.PatchesPerSide;

    /// <inheritdoc/>
    public object CreateState()
    {
        var length = PatchCount * _options.EmbedDim;
        var tokens = 0;
        for (var i = 0; i < _steps.Count; i++)
        {
            tokens = Math.Max(tokens, _steps[i].Tokens * (_steps[i].Block?.Attention.Width ?? 0));
        }

        return new Maps(new float[Math.Max(length, tokens)], new float[Math.Max(length, tokens)]);
    }

    /// <inheritdoc/>
    public Scratch CreateScratch()
    {
        var widest = LastWidth;
        var area = _steps.Max(static step => step.Block?.Plan.Area ?? 0);
        var windows = new List<AttentionState>();
        AttentionLayer? before = null;
        foreach (var attention in _steps.Select(static step => step.Block?.Attention).OfType<AttentionLayer>())
        {
            var isAlike = before is not null && before.Width == attention.Width && before.TokenCount == attention.TokenCount;
            windows.Add(attention.CreateState(isAlike ? windows[^1] : null));
            before = attention;
        }

        var depth = new[] { _patches.PatchLength, 4 * widest, (int)(widest * _options.MlpRatio), area }.Max();
        var width = new[] { _patches.PatchLength, 4 * widest, (int)(widest * _options.MlpRatio), area, OutputWidth }.Max();
        return new(RowsOfItem, depth, width) { Windows = windows };
    }

    /// <inheritdoc/>
    public int ItemCount(int phase)
    {
        if (phase == PhaseCount - 1)
        {
            return 1;
        }

        return phase == 0 ? Items(PatchCount) : _steps[phase - 1].Block?.Plan.Count ?? Items(_steps[phase - 1].Tokens);
    }

    /// <inheritdoc/>
    public void Do(int phase, int item, ReadOnlySpan<float> image, object state, Span<float> output, Scratch scratch)
    {
        var maps = (Maps)state;
        var merged = phase == 0 ? 0 : _steps[Math.Min(phase, _steps.Count) - 1].MergeCount;
        var (tokens, other) = merged % 2 == 0 ? (maps.First, maps.Second) : (maps.Second, maps.First);
        if (phase == 0)
        {
            Embed(image, item, tokens, scratch);
        }
        else if (phase == PhaseCount - 1)
        {
            Classify(tokens, output, scratch);
        }
        else if (_steps[phase - 1] is { Merge: { } merge, Tokens: var count })
        {
            merge.Apply(other, item * RowsOfItem, Math.Min(RowsOfItem, count - (item * RowsOfItem)), tokens, scratch);
        }
        else
        {
            _steps[phase - 1].Block!.Apply(tokens, item, scratch);
        }
    }

    private static int Items(int rows) => (rows + RowsOfItem - 1) / RowsOfItem;

    private void Embed(ReadOnlySpan<float> image, int item, Span<float> tokens, Scratch scratch)
    {
        var first = item * RowsOfItem;
        var count = Math.Min(RowsOfItem, PatchCount - first);
        _patches.Apply(image, first, count, scratch.First, scratch);
        _patchNorm.Apply(scratch.First, scratch.Stride, count, tokens[(first * _options.EmbedDim)..], _options.EmbedDim);
    }

    private void Classify(Span<float> tokens, Span<float> output, Scratch scratch)
    {
        var width = LastWidth;
        var mean = scratch.First.Slice(0, width);
        mean.Clear();
        for (var i = 0; i < _lastTokens; i++)
        {
            var token = tokens.Slice(i * width, width);
            _norm.Apply(token, token);
            Rows.Add(mean, token);
        }

        Rows.Multiply(mean, 1f / _lastTokens);
        if (_head is null)
        {
            mean.CopyTo(output);
            return;
        }

        _head.Apply(mean, width, 1, scratch.Second, scratch.Stride, scratch);
        scratch.Second.Slice(0, OutputWidth).CopyTo(output);
    }

    /// <summary>A merging or a block; its map is the first or the second by the number of mergings up to it.</summary>
    private sealed record Step(MergeLayer? Merge, WindowBlock? Block, int Tokens, int MergeCount);

    private sealed record Maps(float[] First, float[] Second);
}
