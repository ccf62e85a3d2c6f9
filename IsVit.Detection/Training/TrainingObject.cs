namespace IsVit.Detection.Training;

/// <summary>An object that a detector is to find in an image of its input.</summary>
/// <param name="Label">The class, from 0.</param>
/// <param name="X1">The box's left edge, in pixels of the network's input.</param>
/// <param name="Y1">The box's upper edge.</param>
/// <param name="X2">The box's right edge, beyond <paramref name="X1"/>.</param>
/// <param name="Y2">The box's lower edge, beyond <paramref name="Y1"/>.</param>
/// <param name="Mask">One byte for each pixel of the image (its own size, without padding), rows from top to bottom: 1 where the object is seen, 0 elsewhere.</param>
public sealed record TrainingObject(int Label, double X1, double Y1, double X2, double Y2, ReadOnlyMemory<byte> Mask);
