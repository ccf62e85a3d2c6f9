using IsVit.Detection.Coco;
using IsVit.Detection.Evaluation;
using IsVit.Detection.Masks;
using IsVit.Detection.Models;
using IsVit.Detection.Scenes;
using IsVit.Detection.Training;
using TorchSharp;

namespace IsVit.Tool.Evaluation;

/// <summary>How well a detector finds what is in composed scenes, by COCO's scores.</summary>
internal sealed class SceneEvaluation
{
    private const int BatchSize = 10;

    private readonly IReadOnlyList<Scene> _scenes;
    private readonly CocoDataset _truth;
    private readonly IReadOnlyList<long> _categories;

    /// <summary>Prepares scenes.</summary>
    /// <param name="scenes">Scenes of equal size.</param>
    /// <param name="classes">What the labels mean.</param>
    public SceneEvaluation(IReadOnlyList<Scene> scenes, IReadOnlyList<string> classes)
    {
        _scenes = scenes;
        var annotations = new List<CocoAnnotation>();
        for (var i = 0; i < scenes.Count; i++)
        {
            foreach (var found in scenes[i].Objects)
            {
                var mask = RunLengthMask.FromPixels(found.Mask, scenes[i].Height, scenes[i].Width);
                annotations.Add(new(annotations.Count + 1, i + 1, found.Label + 1, mask.BoundingBox, found.Area, Segmentation: new(mask)));
            }
        }

        _truth = new(
            scenes.Select(static (scene, i) => new CocoImage(i + 1, "", scene.Width, scene.Height)),
            classes.Select(static (name, i) => new CocoCategory(i + 1, name)),
            annotations);
        _categories = CocoDetections.CategoryIds(_truth);
    }

    /// <summary>Detects and compares.</summary>
    /// <param name="detector">The detector; left in evaluation mode.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <returns>The scores of boxes and of masks.</returns>
    public (CocoScores Boxes, CocoScores Masks) Measure(Detector detector, CancellationToken cancellationToken)
    {
        detector.eval();
        using var noGradient = torch.no_grad();
        var results = new List<CocoResult>();
        for (var start = 0; start < _scenes.Count; start += BatchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            var input = SceneBatches.Input([.. _scenes.Skip(start).Take(BatchSize)]);
            var detected = detector.call(input);
            for (var i = 0; i < detected.Count; i++)
            {
                using var result = detected[i];
                results.AddRange(CocoDetections.Of(result, start + i + 1, _categories));
            }
        }

        return (CocoEvaluator.Evaluate(_truth, results, CocoOverlap.Boxes, cancellation: cancellationToken), CocoEvaluator.Evaluate(_truth, results, CocoOverlap.Masks, cancellation: cancellationToken));
    }
}
