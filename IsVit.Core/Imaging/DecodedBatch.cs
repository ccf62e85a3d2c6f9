using System.Runtime.InteropServices;
using IsVit.Model.Imaging;
using TorchSharp;

namespace IsVit.Core.Imaging;

/// <summary>Consecutive images of a list, decoded by several threads into one tensor.</summary>
internal sealed class DecodedBatch : IDisposable
{
    public DecodedBatch(int first, int count, ImagePreprocessing preprocessing)
    {
        First = first;
        Failures = new Exception?[count];
        var size = preprocessing.ImageSize;
        Pixels = torch.empty(count, preprocessing.ChannelCount, size, size, dtype: torch.float32, device: torch.CPU).DetachFromDisposeScope();
    }

    /// <summary>The position of the first image in the list.</summary>
    public int First { get; }

    /// <summary>The number of images.</summary>
    public int Count => Failures.Length;

    /// <summary>float32 [count, channels, size, size]; undefined where an image failed.</summary>
    public torch.Tensor Pixels { get; }

    /// <summary>Why each image failed; null for those that did not.</summary>
    public Exception?[] Failures { get; }

    /// <summary>Images that are decoded or have failed. Guarded by the pipeline's lock.</summary>
    public int Finished { get; set; }

    /// <summary>Decodes one image into its place. Safe to call from several threads for different places.</summary>
    public void Decode(int place, string path, ImagePreprocessor preprocessor)
    {
        try
        {
            // A view of one image: a span cannot address more than 2 GB, a batch of everything may be larger.
            using var view = Pixels.select(0, place).DetachFromDisposeScope();
            preprocessor.Preprocess(path, MemoryMarshal.Cast<byte, float>(view.bytes));
        }
        catch (Exception e)
        {
            Failures[place] = e;
        }
    }

    public void Dispose() => Pixels.Dispose();
}
