using TorchSharp;

namespace IsVit.Core.Imaging;

/// <summary>Makes full batches of decoded ones, closing the gaps that skipped images leave.</summary>
internal sealed class BatchAssembler(ImageList images, int batchSize) : IDisposable
{
    private readonly List<ImageItem> _items = [];
    private torch.Tensor? _pixels;

    /// <summary>Takes a decoded batch over.</summary>
    /// <returns>A batch, once enough images are there for one; else null.</returns>
    public ImageBatch? Add(DecodedBatch decoded)
    {
        var readable = Enumerable.Range(0, decoded.Count).Where(i => decoded.Failures[i] is null).ToArray();
        if (_pixels is null && readable.Length == batchSize)
        {
            return Batch(decoded.Pixels, readable.Select(i => images[decoded.First + i]));
        }

        using (decoded)
        {
            Append(decoded, readable);
        }

        if (_items.Count < batchSize)
        {
            return null;
        }

        using var scope = torch.NewDisposeScope();
        var all = _pixels!;
        var batch = Batch(all.narrow(0, 0, batchSize).clone(), _items.Take(batchSize));
        _pixels = _items.Count == batchSize ? null : all.narrow(0, batchSize, _items.Count - batchSize).clone().DetachFromDisposeScope();
        _items.RemoveRange(0, batchSize);
        all.Dispose();
        return batch;
    }

    /// <summary>The images that do not fill a batch; null if there are none.</summary>
    public ImageBatch? Rest()
    {
        if (_pixels is null)
        {
            return null;
        }

        var batch = Batch(_pixels, _items);
        _pixels = null;
        return batch;
    }

    public void Dispose() => _pixels?.Dispose();

    private void Append(DecodedBatch decoded, int[] readable)
    {
        if (readable.Length == 0)
        {
            return;
        }

        using var scope = torch.NewDisposeScope();
        var added = decoded.Pixels;
        if (readable.Length < decoded.Count)
        {
            added = added.index_select(0, torch.tensor(Array.ConvertAll(readable, i => (long)i)));
        }

        using var before = _pixels;
        _pixels = (before is null ? added.alias() : torch.cat([before, added])).DetachFromDisposeScope();
        _items.AddRange(readable.Select(i => images[decoded.First + i]));
    }

    private ImageBatch Batch(torch.Tensor pixels, IEnumerable<ImageItem> items)
    {
        var taken = items.ToArray();
        var labels = images.HasLabels ? torch.tensor(Array.ConvertAll(taken, item => (long)item.Label!.Value), dtype: torch.int64, device: torch.CPU) : null;
        return new ImageBatch(pixels.DetachFromDisposeScope(), labels?.DetachFromDisposeScope(), Array.ConvertAll(taken, item => item.Path));
    }
}
