using static TorchSharp.torch;

namespace IsVit.Optimization.Observation;

/// <summary>Calibration vectors in numbers that go with how much an error in each of them counts, so that a quantizer that knows no weights minimises a weighted error.</summary>
internal static class ImportanceSample
{
    /// <summary>As many vectors as there are, those that count much several times, those that count little not always.</summary>
    /// <param name="x">What a layer or a product reads, [..., channels], image by image.</param>
    /// <param name="weights">How much each vector of one image counts, [vectors], mean 1.</param>
    /// <param name="images">How many images' vectors there are.</param>
    /// <returns>[vectors of all images, channels]; null if an image has another number of vectors than there are weights.</returns>
    /// <remarks>
    /// Each vector's place among those that count as much as it is spread evenly over the images: a vector that counts half is taken of every other image. Nothing is random.
    /// </remarks>
    public static Tensor? Of(Tensor x, Tensor weights, long images)
    {
        var perImage = weights.shape[0];
        var rows = images * perImage;
        if (x.dim() < 2 || x.numel() != rows * x.shape[^1])
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var counts = weights.cpu().to(float64).data<double>().ToArray();
        var chosen = new List<long>((int)rows);
        var (sum, taken) = (0.5, 0L);
        for (long vector = 0; vector < perImage; vector++)
        {
            for (long image = 0; image < images; image++)
            {
                sum += counts[vector];
                for (; taken + 1 <= sum; taken++)
                {
                    chosen.Add((image * perImage) + vector);
                }
            }
        }

        return chosen.Count == 0 ? null : scope.MoveToOuter(x.reshape(rows, -1).index_select(0, tensor(chosen.ToArray(), device: x.device)));
    }
}
