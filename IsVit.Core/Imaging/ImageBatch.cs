using TorchSharp;

namespace IsVit.Core.Imaging;

/// <summary>A batch of images as a model takes them. The receiver disposes it; no dispose scope owns its tensors.</summary>
public sealed class ImageBatch : IDisposable
{
    /// <summary>Creates a batch that owns the given tensors.</summary>
    /// <param name="pixels">float32 [count, channels, height, width].</param>
    /// <param name="labels">int64 [count], or null.</param>
    /// <param name="paths">The name of each image.</param>
    /// <exception cref="ArgumentException">The counts differ, or a tensor has the wrong rank or type.</exception>
    public ImageBatch(torch.Tensor pixels, torch.Tensor? labels, IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(paths);
        if (pixels.dim() != 4 || pixels.dtype != torch.float32 || pixels.shape[0] != paths.Count)
        {
            throw new ArgumentException($"Pixels are {pixels.dtype} [{string.Join(", ", pixels.shape)}]; expected Float32 [{paths.Count}, channels, height, width].", nameof(pixels));
        }

        if (labels is not null && (labels.dim() != 1 || labels.dtype != torch.int64 || labels.shape[0] != paths.Count))
        {
            throw new ArgumentException($"Labels are {labels.dtype} [{string.Join(", ", labels.shape)}]; expected Int64 [{paths.Count}].", nameof(labels));
        }

        Pixels = pixels;
        Labels = labels;
        Paths = paths;
    }

    /// <summary>float32 [count, channels, height, width]. May share memory with its source: do not write to it.</summary>
    public torch.Tensor Pixels { get; }

    /// <summary>int64 [count]; null if the source has no labels.</summary>
    public torch.Tensor? Labels { get; }

    /// <summary>The name of each image: its path, or its index in a source without files.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>The number of images.</summary>
    public int Count => Paths.Count;

    /// <summary>Disposes the tensors.</summary>
    public void Dispose()
    {
        Pixels.Dispose();
        Labels?.Dispose();
    }
}
