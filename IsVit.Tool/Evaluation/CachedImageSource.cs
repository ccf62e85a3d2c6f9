using IsVit.Core.Imaging;
using TorchSharp;

namespace IsVit.Tool.Evaluation;

/// <summary>
/// Keeps a source's images in memory after the first reading, because a run looks at its test images after every stage. A source that is larger than
/// the budget is read again every time.
/// </summary>
internal sealed class CachedImageSource : IImageSource, IDisposable
{
    private readonly IImageSource _source;
    private readonly long _budget;
    private TensorImageSource? _cache;

    /// <summary>Wraps a source.</summary>
    /// <param name="source">The images; not disposed.</param>
    /// <param name="valuesPerImage">Channels times height times width, of float32.</param>
    /// <param name="budgetBytes">The most to keep.</param>
    public CachedImageSource(IImageSource source, long valuesPerImage, long budgetBytes = 2L << 30)
    {
        _source = source;
        _budget = budgetBytes / Math.Max(1, valuesPerImage * sizeof(float));
    }

    /// <inheritdoc/>
    public int Count => _cache?.Count ?? _source.Count;

    /// <inheritdoc/>
    public bool HasLabels => _source.HasLabels;

    /// <inheritdoc/>
    public IEnumerable<ImageBatch> ReadBatches(int batchSize, CancellationToken cancellationToken = default)
    {
        if (_cache is null && _source.Count <= _budget)
        {
            using var scope = torch.NewDisposeScope();
            using var all = _source.LoadAll(cancellationToken);
            _cache = new TensorImageSource(all.Pixels.clone(), all.Labels?.clone());
        }

        return (_cache ?? _source).ReadBatches(batchSize, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _cache?.Dispose();
}
