using IsVit.Detection.Coco;
using IsVit.Detection.Masks;
using IsVit.Detection.Models;
using TorchSharp;

namespace IsVit.Detection.Evaluation;

/// <summary>What a detector found, in COCO's terms.</summary>
public static class CocoDetections
{
    /// <summary>Turns the detections of an image into results that <see cref="CocoEvaluator"/> scores and <see cref="CocoResults"/> saves.</summary>
    /// <param name="result">The detections; not disposed.</param>
    /// <param name="imageId">The image's id.</param>
    /// <param name="categoryIds">The id of each class, in the order of the detector's labels: <see cref="CategoryIds"/> for a detector that was trained on a dataset's categories in ascending order.</param>
    /// <returns>A result for each detection, best first: box in pixels of the original image, score, mask as run lengths.</returns>
    /// <exception cref="ArgumentException">A label has no id.</exception>
    public static IReadOnlyList<CocoResult> Of(DetectionResult result, long imageId, IReadOnlyList<long> categoryIds)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(categoryIds);
        using var scope = torch.NewDisposeScope();
        var (height, width) = (result.Geometry.OriginalHeight, result.Geometry.OriginalWidth);
        var (boxes, scores, labels) = (result.Boxes.cpu().data<float>().ToArray(), result.Scores.cpu().data<float>().ToArray(), result.Labels.cpu().data<long>().ToArray());
        var masks = result.Masks().bytes;
        var results = new List<CocoResult>(scores.Length);
        for (var i = 0; i < scores.Length; i++)
        {
            if (labels[i] >= categoryIds.Count)
            {
                throw new ArgumentException(FormattableString.Invariant($"Label {labels[i]} has no category; there are ids for {categoryIds.Count} classes."), nameof(categoryIds));
            }

            var box = boxes.AsSpan(4 * i, 4);
            results.Add(new CocoResult(
                imageId,
                categoryIds[(int)labels[i]],
                scores[i],
                new CocoBox(box[0], box[1], box[2] - box[0], box[3] - box[1]),
                new CocoSegmentation(RunLengthMask.FromPixels(masks.Slice(i * height * width, height * width), height, width))));
        }

        return results;
    }

    /// <summary>The ids of a dataset's categories in ascending order, in which detectors number their classes.</summary>
    /// <param name="dataset">The dataset.</param>
    public static IReadOnlyList<long> CategoryIds(CocoDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return [.. dataset.Categories.Select(static category => category.Id).Order()];
    }
}
