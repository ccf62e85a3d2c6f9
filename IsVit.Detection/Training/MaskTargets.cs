using IsVit.Core.Arithmetic;
using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Detection.Training;

/// <summary>The masks that a mask head is to draw: the objects' pixels under each region, pooled by RoIAlign and compared with 0.5 (MMDetection's <c>BitmapMasks.crop_and_resize</c>).</summary>
internal static class MaskTargets
{
    /// <summary>Computes them.</summary>
    /// <param name="sample">The regions; those on objects count.</param>
    /// <param name="batch">Has the objects' masks.</param>
    /// <param name="side">Height and width of a target.</param>
    /// <returns>[regions on objects, side, side], float32, 0 or 1.</returns>
    public static torch.Tensor Of(SampledRegions sample, TrainingBatch batch, int side)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var (height, width) = ((int)batch.Input.Images.shape[2], (int)batch.Input.Images.shape[3]);
        var used = sample.Objects.Distinct().Order().ToList();
        var rois = new float[sample.Objects.Count * 5];
        for (var i = 0; i < sample.Objects.Count; i++)
        {
            var row = (int)sample.Positives[i] * 5;
            var geometry = batch.Input.Geometries[(int)sample.Rois[row]];
            rois[i * 5] = used.BinarySearch(sample.Objects[i]);
            for (var k = 1; k < 5; k++)
            {
                rois[(i * 5) + k] = Math.Clamp(sample.Rois[row + k], 0, k % 2 == 1 ? geometry.Width : geometry.Height);
            }
        }

        var pixels = new byte[used.Count * height * width];
        var all = batch.Objects.SelectMany((objects, image) => objects.Select(found => (found.Mask, batch.Input.Geometries[image]))).ToList();
        for (var i = 0; i < used.Count; i++)
        {
            var (mask, geometry) = all[used[i]];
            for (var y = 0; y < geometry.Height; y++)
            {
                mask.Span.Slice(y * geometry.Width, geometry.Width).CopyTo(pixels.AsSpan(((i * height) + y) * width));
            }
        }

        using var half = 0.5.ToScalar();
        var bitmaps = torch.tensor(pixels).view(used.Count, 1, height, width).to(torch.ScalarType.Float32);
        var pooled = RoiAlign.Apply(bitmaps, torch.tensor(rois).view(-1, 5), side, side, scale: 1);
        return scope.MoveToOuter(pooled.squeeze(1).ge(half).to(torch.ScalarType.Float32));
    }
}
