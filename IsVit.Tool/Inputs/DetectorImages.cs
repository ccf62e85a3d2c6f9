using IsVit.Core.Imaging;
using IsVit.Detection.Imaging;
using TorchSharp;

namespace IsVit.Tool.Inputs;

/// <summary>Image files as detectors want them.</summary>
internal static class DetectorImages
{
    /// <summary>Reads one image.</summary>
    /// <param name="path">The file.</param>
    /// <param name="preprocessing">What the detector wants.</param>
    /// <param name="device">Where it is.</param>
    /// <param name="loading">What becomes of a file that cannot be read.</param>
    /// <returns>A batch of one image, to be disposed; null if the file cannot be read and is left out.</returns>
    /// <exception cref="ImageException">The file cannot be read, and is not to be left out.</exception>
    public static DetectorInput? TryRead(string path, DetectorPreprocessing preprocessing, torch.Device device, ImageLoaderOptions loading)
    {
        try
        {
            var read = preprocessing.Read(path);
            if (device.type == DeviceType.CPU)
            {
                return read;
            }

            using (read)
            {
                return new DetectorInput(read.Images.to(device).DetachFromDisposeScope(), read.Geometries);
            }
        }
        catch (ImageException error) when (loading.Unreadable == UnreadableImage.Skip)
        {
            loading.OnSkipped?.Invoke(error);
            return null;
        }
    }
}
