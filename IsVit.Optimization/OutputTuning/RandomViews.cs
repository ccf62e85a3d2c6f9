using static TorchSharp.torch;

namespace IsVit.Optimization.OutputTuning;

/// <summary>Random crops of images and of their mirror images, resized to the images' own size.</summary>
internal static class RandomViews
{
    // As far as crops for training go that keep what an image shows: half of its area, a third more or less of its width.
    private const double SmallestArea = 0.5;
    private const double LargestStretch = 4.0 / 3;

    /// <summary>One view of each image.</summary>
    /// <param name="images">[images, channels, height, width].</param>
    /// <param name="random">Draws crops and mirrors.</param>
    public static Tensor Of(Tensor images, Random random)
    {
        using var scope = NewDisposeScope();
        var count = (int)images.shape[0];
        var maps = new float[count * 6];
        for (var i = 0; i < count; i++)
        {
            var side = Math.Sqrt(SmallestArea + ((1 - SmallestArea) * random.NextDouble()));
            var stretch = Math.Pow(LargestStretch, random.NextDouble() - 0.5);
            var (width, height) = (Math.Min(1, side * stretch), Math.Min(1, side / stretch));
            var mirror = random.Next(2) == 0 ? 1 : -1;

            // Where a point of the view lies in the image, both from -1 to 1.
            var map = maps.AsSpan(i * 6, 6);
            (map[0], map[2]) = ((float)(width * mirror), (float)((1 - width) * ((2 * random.NextDouble()) - 1)));
            (map[4], map[5]) = ((float)height, (float)((1 - height) * ((2 * random.NextDouble()) - 1)));
        }

        var grid = nn.functional.affine_grid(tensor(maps, device: images.device).view(count, 2, 3).to(images.dtype), images.shape, align_corners: false);
        return scope.MoveToOuter(nn.functional.grid_sample(images, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Reflection, align_corners: false));
    }
}
