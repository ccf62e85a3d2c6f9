using IsVit.Tool.Data;

namespace IsVit.Tool.Training;

/// <summary>Copies images with a random shift and a random horizontal flip.</summary>
internal static class Augmentation
{
    /// <summary>Writes changed copies of some images.</summary>
    /// <param name="images">The images.</param>
    /// <param name="indices">Which of them.</param>
    /// <param name="maximumShift">Up to this many pixels up, down, left and right; what comes in is zero.</param>
    /// <param name="flipProbability">How often an image is mirrored sideways, 0 to 1.</param>
    /// <param name="random">Decides.</param>
    /// <param name="destination">[indices, height, width]; overwritten.</param>
    public static void Apply(ImageSet images, ReadOnlySpan<int> indices, int maximumShift, double flipProbability, Random random, Span<byte> destination)
    {
        var size = images.Height * images.Width;
        destination.Clear();
        for (var i = 0; i < indices.Length; i++)
        {
            var down = random.Next(-maximumShift, maximumShift + 1);
            var right = random.Next(-maximumShift, maximumShift + 1);
            var flip = random.NextDouble() < flipProbability;
            Copy(images.Image(indices[i]), images.Height, images.Width, down, right, flip, destination.Slice(i * size, size));
        }
    }

    private static void Copy(ReadOnlySpan<byte> image, int height, int width, int down, int right, bool flip, Span<byte> result)
    {
        var length = width - Math.Abs(right);
        for (var row = Math.Max(0, -down); row < Math.Min(height, height - down); row++)
        {
            var target = result.Slice((row + down) * width, width);
            image.Slice((row * width) + Math.Max(0, -right), length).CopyTo(target[Math.Max(0, right)..]);
            if (flip)
            {
                target.Reverse();
            }
        }
    }
}
