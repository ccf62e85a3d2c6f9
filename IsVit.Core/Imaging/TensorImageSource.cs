using System.Globalization;
using IsVit.Core.Arithmetic;
using IsVit.Model.Imaging;
using TorchSharp;

namespace IsVit.Core.Imaging;

/// <summary>Images in memory as a source of batches. Owns its tensors.</summary>
public sealed class TensorImageSource : IImageSource, IDisposable
{
    private readonly torch.Tensor _pixels;
    private readonly torch.Tensor? _labels;
    private readonly ImagePreprocessing? _normalization;
    private readonly string[] _paths;

    /// <summary>Creates a source of images that are already preprocessed for the model.</summary>
    /// <param name="pixels">float32 [count, channels, height, width]; the source takes ownership.</param>
    /// <param name="labels">int64 [count], or null; the source takes ownership.</param>
    /// <exception cref="ArgumentException">A shape or a type is wrong.</exception>
    public TensorImageSource(torch.Tensor pixels, torch.Tensor? labels = null)
        : this(pixels, labels, null, torch.float32, null)
    {
    }

    /// <summary>Creates a source of 8-bit images, which are stored unchanged and normalized batch by batch: (value / 255 - mean) / std. They are not resized.</summary>
    /// <param name="pixels">uint8 [count, channels, size, size]; the source takes ownership.</param>
    /// <param name="labels">int64 [count], or null; the source takes ownership.</param>
    /// <param name="normalization">Mean and std for the same number of channels, and the size.</param>
    /// <exception cref="ArgumentException">A shape or a type is wrong.</exception>
    public TensorImageSource(torch.Tensor pixels, torch.Tensor? labels, ImagePreprocessing normalization)
        : this(pixels, labels, normalization, torch.uint8, null)
    {
        ArgumentNullException.ThrowIfNull(normalization);
        var (channels, size) = (normalization.ChannelCount, normalization.ImageSize);
        if (pixels.shape[1] != channels || pixels.shape[2] != size || pixels.shape[3] != size)
        {
            throw new ArgumentException(FormattableString.Invariant($"Pixels are [{string.Join(", ", pixels.shape)}]; expected [count, {channels}, {size}, {size}]."), nameof(pixels));
        }
    }

    private TensorImageSource(torch.Tensor pixels, torch.Tensor? labels, ImagePreprocessing? normalization, torch.ScalarType type, string[]? paths)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.dim() != 4 || pixels.dtype != type)
        {
            throw new ArgumentException($"Pixels are {pixels.dtype} [{string.Join(", ", pixels.shape)}]; expected {type} [count, channels, height, width].", nameof(pixels));
        }

        if (labels is not null && (labels.dim() != 1 || labels.dtype != torch.int64 || labels.shape[0] != pixels.shape[0]))
        {
            throw new ArgumentException(FormattableString.Invariant($"Labels are {labels.dtype} [{string.Join(", ", labels.shape)}]; expected Int64 [{pixels.shape[0]}]."), nameof(labels));
        }

        _pixels = pixels.DetachFromDisposeScope();
        _labels = labels?.DetachFromDisposeScope();
        _normalization = normalization;
        _paths = paths ?? [.. Enumerable.Range(0, Count).Select(i => i.ToString(CultureInfo.InvariantCulture))];
    }

    /// <inheritdoc/>
    public int Count => (int)_pixels.shape[0];

    /// <inheritdoc/>
    public bool HasLabels => _labels is not null;

    /// <summary>Reads another source once and keeps its images in memory, for images that are used repeatedly. 1024 colour images of 224 pixels take 617 MB.</summary>
    /// <param name="source">The images.</param>
    /// <param name="cancellationToken">Stops reading with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>A source of all (readable) images, with their paths; the caller disposes it.</returns>
    /// <exception cref="ImageException">An image cannot be read and the source does not skip such images; or there is no readable image at all.</exception>
    public static TensorImageSource Load(IImageSource source, CancellationToken cancellationToken = default)
    {
        // Its tensors are taken over, so the batch is not disposed.
        var all = source.LoadAll(cancellationToken);
        return new TensorImageSource(all.Pixels, all.Labels, null, torch.float32, [.. all.Paths]);
    }

    /// <summary>A source of the first images, sharing memory with this one.</summary>
    /// <param name="count">How many, 0 to <see cref="Count"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer images.</exception>
    public TensorImageSource Take(int count)
        => count >= 0 && count <= Count
            ? new TensorImageSource(_pixels.narrow(0, 0, count), _labels?.narrow(0, 0, count), _normalization, _pixels.dtype, _paths[..count])
            : throw new ArgumentOutOfRangeException(nameof(count), count, $"The source has {Count} images.");

    /// <summary>A source of copies of the images, in the order in which <see cref="ImageList.Shuffle"/> returns a list of the same number of files.</summary>
    /// <param name="seed">Any number.</param>
    public TensorImageSource Shuffle(long seed)
    {
        var order = StableShuffle.Permutation(Count, seed);
        using var index = torch.tensor(Array.ConvertAll(order, i => (long)i), dtype: torch.int64, device: _pixels.device);
        using var labelIndex = _labels is null ? null : index.to(_labels.device);
        return new TensorImageSource(_pixels.index_select(0, index), _labels?.index_select(0, labelIndex!), _normalization, _pixels.dtype, Array.ConvertAll(order, i => _paths[i]));
    }

    /// <inheritdoc/>
    public IEnumerable<ImageBatch> ReadBatches(int batchSize, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        return Read(batchSize, cancellationToken);
    }

    /// <summary>Disposes the tensors.</summary>
    public void Dispose()
    {
        _pixels.Dispose();
        _labels?.Dispose();
    }

    private IEnumerable<ImageBatch> Read(int batchSize, CancellationToken cancellationToken)
    {
        for (var first = 0; first < Count; first += Math.Min(batchSize, Count - first))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return Batch(first, Math.Min(batchSize, Count - first));
        }
    }

    private ImageBatch Batch(int first, int count)
    {
        using var scope = torch.NewDisposeScope();
        var pixels = _pixels.narrow(0, first, count);
        if (_normalization is not null)
        {
            var mean = torch.tensor(_normalization.Mean.ToArray(), device: _pixels.device).view(-1, 1, 1);
            var std = torch.tensor(_normalization.Std.ToArray(), device: _pixels.device).view(-1, 1, 1);
            pixels = pixels.to(torch.float32).OverInPlace(255).sub_(mean).div_(std);
        }

        return new ImageBatch(pixels.DetachFromDisposeScope(), _labels?.narrow(0, first, count).DetachFromDisposeScope(), _paths[first..(first + count)]);
    }
}
