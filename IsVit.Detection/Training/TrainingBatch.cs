using IsVit.Detection.Imaging;
using IsVit.Detection.Models;

namespace IsVit.Detection.Training;

/// <summary>Images that a detector is trained with in one step, and what is in them.</summary>
public sealed class TrainingBatch : IDisposable
{
    /// <summary>Puts images and their objects together.</summary>
    /// <param name="input">The normalized images, which are disposed with the batch.</param>
    /// <param name="objects">For each image its objects; an image may have none.</param>
    /// <exception cref="ArgumentException">There is a list too many or too few, or an object has a negative label, a box without an inside, or a mask of another size than its image.</exception>
    public TrainingBatch(DetectorInput input, IReadOnlyList<IReadOnlyList<TrainingObject>> objects)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(objects);
        if (objects.Count != input.Count)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are objects of {objects.Count} images; expected those of {input.Count}."), nameof(objects));
        }

        for (var image = 0; image < objects.Count; image++)
        {
            for (var i = 0; i < objects[image].Count; i++)
            {
                Check(objects[image][i], input.Geometries[image], FormattableString.Invariant($"Object {i} of image {image}"));
            }
        }

        (Input, Objects) = (input, objects);
    }

    /// <summary>The images.</summary>
    public DetectorInput Input { get; }

    /// <summary>For each image its objects.</summary>
    public IReadOnlyList<IReadOnlyList<TrainingObject>> Objects { get; }

    /// <summary>Lets go of the images.</summary>
    public void Dispose() => Input.Images.Dispose();

    /// <summary>The boxes of an image's objects: x1, y1, x2, y2 of each.</summary>
    internal float[] BoxesOf(int image) => [.. Objects[image].SelectMany(static found => new[] { (float)found.X1, (float)found.Y1, (float)found.X2, (float)found.Y2 })];

    private static void Check(TrainingObject found, ImageGeometry geometry, string name)
    {
        if (found.Label < 0)
        {
            throw new ArgumentException(FormattableString.Invariant($"{name} has label {found.Label}; expected 0 or more."), nameof(found));
        }

        if (!(found.X2 > found.X1 && found.Y2 > found.Y1) || !double.IsFinite(found.X1 + found.Y1 + found.X2 + found.Y2))
        {
            throw new ArgumentException(FormattableString.Invariant($"{name} has the box ({found.X1}, {found.Y1}, {found.X2}, {found.Y2}); expected finite x1 < x2 and y1 < y2."), nameof(found));
        }

        if (found.Mask.Length != (long)geometry.Height * geometry.Width)
        {
            throw new ArgumentException(FormattableString.Invariant($"{name} has a mask of {found.Mask.Length} pixels; expected {geometry.Height} x {geometry.Width}."), nameof(found));
        }
    }
}
