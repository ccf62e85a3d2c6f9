using IsVit.Core.Arithmetic;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>
/// Boxes as differences to others: the centre's shift in sides, and the logarithm of the ratio of sides (Girshick et al., arXiv 1311.2524, appendix C), normalized; MMDetection's
/// <c>DeltaXYWHBBoxCoder</c>. Differentiable; in the tensors' type, on their device.
/// </summary>
public sealed class BoxCoder
{
    // The ratio of sides that a difference may stand for at most, 62.5.
    private static readonly double s_largestLog = Math.Abs(Math.Log(16.0 / 1000));

    private readonly double[] _means;
    private readonly double[] _deviations;

    /// <summary>Creates a coder.</summary>
    /// <param name="means">Of dx, dy, dw, dh: subtracted when encoding; null for zeros.</param>
    /// <param name="standardDeviations">Of the same: divided by when encoding; null for ones.</param>
    /// <exception cref="ArgumentException">There are not four, a number is not finite, or a standard deviation is not positive.</exception>
    public BoxCoder(IReadOnlyList<double>? means = null, IReadOnlyList<double>? standardDeviations = null)
    {
        _means = Four(means ?? [0, 0, 0, 0], nameof(means), double.NegativeInfinity);
        _deviations = Four(standardDeviations ?? [1, 1, 1, 1], nameof(standardDeviations), 0);
    }

    /// <summary>What a difference of dw or dh is clamped to, on either side of 0.</summary>
    internal static double LargestLog => s_largestLog;

    /// <summary>What is added to the products of differences and standard deviations.</summary>
    internal IReadOnlyList<double> Means => _means;

    /// <summary>What differences are multiplied with.</summary>
    internal IReadOnlyList<double> Deviations => _deviations;

    /// <summary>The differences that lead from boxes to targets.</summary>
    /// <param name="boxes">[..., 4]: x1, y1, x2, y2, with positive sides.</param>
    /// <param name="targets">Of the same shape, with positive sides.</param>
    /// <returns>[..., 4]: dx, dy, dw, dh, normalized. What has a side of 0 gives infinities.</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    public torch.Tensor Encode(torch.Tensor boxes, torch.Tensor targets)
    {
        CheckBoxes(boxes, nameof(boxes));
        CheckBoxes(targets, nameof(targets));
        if (!boxes.shape.SequenceEqual(targets.shape))
        {
            throw new ArgumentException($"'boxes' is {Operands.Describe(boxes)} and 'targets' {Operands.Describe(targets)}; expected equal shapes.", nameof(targets));
        }

        using var scope = torch.NewDisposeScope();
        var (box, target) = (CentreAndSides(boxes), CentreAndSides(targets));
        var deltas = torch.stack(
            [
                target.X.sub(box.X).div(box.Width),
                target.Y.sub(box.Y).div(box.Height),
                target.Width.div(box.Width).log(),
                target.Height.div(box.Height).log(),
            ],
            -1);
        return scope.MoveToOuter(deltas.sub(Like(deltas, _means)).div(Like(deltas, _deviations)));
    }

    /// <summary>The boxes that differences lead to.</summary>
    /// <param name="boxes">[..., 4]: x1, y1, x2, y2.</param>
    /// <param name="deltas">[..., 4 classes]: dx, dy, dw, dh of each class, normalized; the axes before equal those of <paramref name="boxes"/>. dw and dh are clamped to a ratio of 62.5.</param>
    /// <param name="clip">Height and width that boxes are clipped to; null for no clipping.</param>
    /// <returns>[..., 4 classes]: x1, y1, x2, y2 of each class.</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    public torch.Tensor Decode(torch.Tensor boxes, torch.Tensor deltas, (long Height, long Width)? clip = null)
    {
        using var scope = torch.NewDisposeScope();
        var limits = clip is { } size ? torch.tensor(new double[] { size.Width, size.Height, size.Width, size.Height }) : null;
        return scope.MoveToOuter(Decode(boxes, deltas, limits));
    }

    /// <summary>The boxes that differences lead to, those of each image clipped to its own size.</summary>
    /// <param name="boxes">[batch, n, 4]: x1, y1, x2, y2.</param>
    /// <param name="deltas">[batch, n, 4 classes].</param>
    /// <param name="clip">Each image's height and width.</param>
    /// <returns>[batch, n, 4 classes].</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape, or the number of sizes is not the batch.</exception>
    public torch.Tensor Decode(torch.Tensor boxes, torch.Tensor deltas, IReadOnlyList<(long Height, long Width)> clip)
    {
        ArgumentNullException.ThrowIfNull(clip);
        Operands.Floating(boxes, nameof(boxes), "batch, n, 4", -1, -1, 4);
        if (clip.Count != boxes.shape[0])
        {
            throw new ArgumentException(FormattableString.Invariant($"'clip' has {clip.Count} sizes; expected one for each of {boxes.shape[0]} images."), nameof(clip));
        }

        using var scope = torch.NewDisposeScope();
        var limits = torch.tensor(clip.SelectMany(static size => new double[] { size.Width, size.Height, size.Width, size.Height }).ToArray()).view(-1, 1, 1, 4);
        return scope.MoveToOuter(Decode(boxes, deltas, limits));
    }

    private torch.Tensor Decode(torch.Tensor boxes, torch.Tensor deltas, torch.Tensor? limits)
    {
        CheckBoxes(boxes, nameof(boxes));
        ArgumentNullException.ThrowIfNull(deltas);
        var shape = deltas.shape;
        if (!deltas.is_floating_point() || shape.Length != boxes.dim() || !shape.AsSpan()[..^1].SequenceEqual(boxes.shape.AsSpan()[..^1]) || shape[^1] % 4 != 0)
        {
            throw new ArgumentException($"'deltas' is {Operands.Describe(deltas)} for boxes {Operands.Describe(boxes)}; expected floating point numbers [..., 4 classes] of as many boxes.", nameof(deltas));
        }

        var grouped = deltas.reshape([.. shape[..^1], shape[^1] / 4, 4]);
        var parts = grouped.mul(Like(grouped, _deviations)).Plus(Like(grouped, _means)).unbind(-1);
        var (x, y, width, height) = CentreAndSides(boxes.unsqueeze(-2));
        var halfWidth = width.mul(Clamp(parts[2]).exp()).Times(0.5);
        var halfHeight = height.mul(Clamp(parts[3]).exp()).Times(0.5);
        var centreX = x.Plus(width.mul(parts[0]));
        var centreY = y.Plus(height.mul(parts[1]));
        var decoded = torch.stack([centreX.sub(halfWidth), centreY.sub(halfHeight), centreX.Plus(halfWidth), centreY.Plus(halfHeight)], -1);
        if (limits is not null)
        {
            decoded = decoded.AtLeast(0).minimum(limits.to(decoded.dtype, decoded.device));
        }

        return decoded.view(shape);
    }

    private static torch.Tensor Clamp(torch.Tensor logs) => logs.clamp(torch.tensor(-s_largestLog).to(logs.dtype, logs.device), torch.tensor(s_largestLog).to(logs.dtype, logs.device));

    private static torch.Tensor Like(torch.Tensor x, double[] numbers) => torch.tensor(numbers).to(x.dtype, x.device);

    private static (torch.Tensor X, torch.Tensor Y, torch.Tensor Width, torch.Tensor Height) CentreAndSides(torch.Tensor boxes)
    {
        var corners = boxes.unbind(-1);
        return (corners[0].Plus(corners[2]).Times(0.5), corners[1].Plus(corners[3]).Times(0.5), corners[2].sub(corners[0]), corners[3].sub(corners[1]));
    }

    private static void CheckBoxes(torch.Tensor boxes, string name)
    {
        ArgumentNullException.ThrowIfNull(boxes, name);
        if (!boxes.is_floating_point() || boxes.dim() < 1 || boxes.shape[^1] != 4)
        {
            throw new ArgumentException($"'{name}' is {Operands.Describe(boxes)}; expected floating point numbers [..., 4].", name);
        }
    }

    private static double[] Four(IReadOnlyList<double> numbers, string name, double above) =>
        numbers.Count == 4 && numbers.All(number => double.IsFinite(number) && number > above)
            ? [.. numbers]
            : throw new ArgumentException(FormattableString.Invariant($"'{name}' is ({string.Join(", ", numbers)}); expected four finite numbers{(above == 0 ? " above 0" : "")}, of dx, dy, dw and dh."), name);
}
