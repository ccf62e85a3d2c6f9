using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Scenes;
using TorchSharp;

namespace IsVit.Detection.Training;

/// <summary>Composed scenes as what a detector is trained and measured with.</summary>
public static class SceneBatches
{
    /// <summary>The scenes as a detector's input.</summary>
    /// <param name="scenes">One or more scenes of equal size.</param>
    /// <returns>Images [scenes, 3, height, width], float32, on the CPU, normalized by <see cref="DetectorCatalog.ScenePreprocessing"/>; the caller disposes them.</returns>
    /// <exception cref="ArgumentException">There is no scene, or sizes differ.</exception>
    public static DetectorInput Input(IReadOnlyList<Scene> scenes)
    {
        ArgumentNullException.ThrowIfNull(scenes);
        if (scenes.Count == 0 || scenes.Any(scene => scene.Width != scenes[0].Width || scene.Height != scenes[0].Height))
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {scenes.Count} scenes of the sizes {string.Join(", ", scenes.Select(static scene => FormattableString.Invariant($"{scene.Height} x {scene.Width}")).Distinct(StringComparer.Ordinal))}; expected one or more of one size."), nameof(scenes));
        }

        var (height, width) = (scenes[0].Height, scenes[0].Width);
        var (mean, factor) = ((float)DetectorCatalog.ScenePreprocessing.Mean[0], (float)(1 / DetectorCatalog.ScenePreprocessing.Std[0]));
        var values = new float[scenes.Count * 3 * height * width];
        for (var i = 0; i < scenes.Count; i++)
        {
            var plane = values.AsSpan(i * 3 * height * width, 3 * height * width);
            var rgb = scenes[i].Rgb.AsSpan(0, plane.Length);
            for (int pixel = 0, from = 0; pixel < height * width; pixel++, from += 3)
            {
                plane[pixel] = (rgb[from] - mean) * factor;
                plane[pixel + (height * width)] = (rgb[from + 1] - mean) * factor;
                plane[pixel + (2 * height * width)] = (rgb[from + 2] - mean) * factor;
            }
        }

        return new DetectorInput(torch.tensor(values, [scenes.Count, 3, height, width]));
    }

    /// <summary>The scenes with their objects.</summary>
    /// <inheritdoc cref="Input"/>
    /// <returns>A batch on the CPU.</returns>
    public static TrainingBatch Batch(IReadOnlyList<Scene> scenes)
    {
        var input = Input(scenes);
        return new TrainingBatch(input, [.. scenes.Select(static scene => (IReadOnlyList<TrainingObject>)[.. scene.Objects.Select(static found => new TrainingObject(found.Label, found.X1, found.Y1, found.X2, found.Y2, found.Mask))])]);
    }
}
