using IsVit.Model.Imaging;

namespace IsVit.Core.Imaging;

/// <summary>Image files as a source of batches: decoded and preprocessed on several threads, ahead of the reader, with bounded memory.</summary>
/// <remarks>Content and order do not depend on the number of threads. Several readers may read at the same time, each with its own threads.</remarks>
public sealed class ImageFileSource : IImageSource
{
    private readonly ImagePreprocessor _preprocessor;

    /// <summary>Creates a source.</summary>
    /// <param name="images">The files, as listed by <see cref="ImageFolder"/>, <see cref="ClassFolder"/> or <see cref="LabelCsv"/>.</param>
    /// <param name="preprocessing">Size, crop, and normalization: those of the model.</param>
    /// <param name="options">How files are read; null for the defaults.</param>
    public ImageFileSource(ImageList images, ImagePreprocessing preprocessing, ImageLoaderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        Images = images;
        Options = options ?? new ImageLoaderOptions();
        _preprocessor = new ImagePreprocessor(preprocessing, Options.Decoding);
    }

    /// <summary>The files.</summary>
    public ImageList Images { get; }

    /// <summary>How files are read.</summary>
    public ImageLoaderOptions Options { get; }

    /// <summary>Size, crop, and normalization.</summary>
    public ImagePreprocessing Preprocessing => _preprocessor.Preprocessing;

    /// <inheritdoc/>
    public int Count => Images.Count;

    /// <inheritdoc/>
    public bool HasLabels => Images.HasLabels;

    /// <inheritdoc/>
    public IEnumerable<ImageBatch> ReadBatches(int batchSize, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        return Read(Math.Min(batchSize, Math.Max(Count, 1)), cancellationToken);
    }

    private IEnumerable<ImageBatch> Read(int batchSize, CancellationToken cancellationToken)
    {
        using var pipeline = new DecodingPipeline(Images, _preprocessor, batchSize, Options, cancellationToken);
        using var assembler = new BatchAssembler(Images, batchSize);
        while (pipeline.Next() is { } decoded)
        {
            Report(decoded);
            if (assembler.Add(decoded) is { } batch)
            {
                yield return batch;
            }
        }

        if (assembler.Rest() is { } rest)
        {
            yield return rest;
        }
    }

    private void Report(DecodedBatch decoded)
    {
        try
        {
            foreach (var failure in decoded.Failures.OfType<ImageException>())
            {
                Options.OnSkipped?.Invoke(failure);
            }
        }
        catch
        {
            decoded.Dispose();
            throw;
        }
    }
}
