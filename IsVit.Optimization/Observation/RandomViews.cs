using static TorchSharp.torch;

namespace IsVit.Optimization.Observation;

/// <summary>Images made of images: random crops, mirrored or not, resized to the images' own size, and those with a part of another one in them.</summary>
internal static class RandomViews
{
    // As far as crops for training go that keep what an image shows: half of its area, a third more or less of its width.
    private const double SmallestArea = 0.5;
    private const double LargestStretch = 4.0 / 3;

    // The share of a view that comes from another image: enough to make it a new one, and seldom more than half.
    private const double SmallestPart = 0.15;
    private const double LargestPart = 0.55;

    /// <summary>Whether a model's inputs can be cropped.</summary>
    /// <param name="inputs">Some of them. What goes with an image, such as its size or boxes in it, would have to change with it.</param>
    public static bool AreOf(IReadOnlyList<Tensor> inputs) => inputs is [{ } images] && images.dim() == 4 && is_floating_point(images);

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

        // Sampling serves no numbers of 16 bits.
        var type = images.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        var grid = nn.functional.affine_grid(tensor(maps, device: images.device).view(count, 2, 3).to(type), images.shape, align_corners: false);
        return scope.MoveToOuter(nn.functional.grid_sample(images.to(type), grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Reflection, align_corners: false).to(images.dtype));
    }

    /// <summary>Each image with a rectangle of another one in the place of its own (CutMix; Yun et al., arXiv 1905.04899).</summary>
    /// <param name="images">[images, channels, height, width]; of one image there is no other.</param>
    /// <param name="random">Draws the other images, the rectangles' sizes and places.</param>
    public static Tensor Mixed(Tensor images, Random random)
    {
        using var scope = NewDisposeScope();
        var (count, height, width) = ((int)images.shape[0], images.shape[2], images.shape[3]);

        // Everyone's part comes from the next one of a shuffled circle.
        var circle = Enumerable.Range(0, count).ToArray();
        random.Shuffle(circle);
        var mixed = images.clone();
        for (var i = 0; i < count; i++)
        {
            var side = Math.Sqrt(SmallestPart + ((LargestPart - SmallestPart) * random.NextDouble()));
            var (rows, columns) = ((long)(height * side), (long)(width * side));
            var (top, left) = (random.NextInt64(height - rows + 1), random.NextInt64(width - columns + 1));
            Part(mixed, circle[i]).copy_(Part(images, circle[(i + 1) % count]));

            Tensor Part(Tensor all, int image) => all.narrow(0, image, 1).narrow(2, top, rows).narrow(3, left, columns);
        }

        return scope.MoveToOuter(mixed);
    }
}
