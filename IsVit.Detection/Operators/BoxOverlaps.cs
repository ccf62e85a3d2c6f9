using IsVit.Core.Arithmetic;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>How much boxes overlap, with MMDetection's numbers (<c>bbox_overlaps</c>, divisors of at least 1e-6). Differentiable; in the boxes' type, on their device.</summary>
public static class BoxOverlaps
{
    private const double Epsilon = 1e-6;

    /// <summary>Intersection over union of every box with every other.</summary>
    /// <param name="first">[..., n, 4]: x1, y1, x2, y2.</param>
    /// <param name="second">[..., m, 4], the axes before the last two equal.</param>
    /// <returns>[..., n, m].</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    public static torch.Tensor IoU(torch.Tensor first, torch.Tensor second) => Matrix(first, second, OverlapKind.Union);

    /// <summary>Intersection over the first box's area.</summary>
    /// <inheritdoc cref="IoU"/>
    public static torch.Tensor IoF(torch.Tensor first, torch.Tensor second) => Matrix(first, second, OverlapKind.Foreground);

    /// <summary>Generalized intersection over union, -1 to 1 (Rezatofighi et al., arXiv 1902.09630).</summary>
    /// <inheritdoc cref="IoU"/>
    public static torch.Tensor GIoU(torch.Tensor first, torch.Tensor second) => Matrix(first, second, OverlapKind.Generalized);

    /// <summary>Intersection over union of each box with the one at the same place.</summary>
    /// <param name="first">[..., n, 4]: x1, y1, x2, y2.</param>
    /// <param name="second">Of the same shape.</param>
    /// <returns>[..., n].</returns>
    /// <exception cref="ArgumentException">A tensor is of another type or shape.</exception>
    public static torch.Tensor AlignedIoU(torch.Tensor first, torch.Tensor second) => Aligned(first, second, OverlapKind.Union);

    /// <summary>Intersection over the first box's area, of each box with the one at the same place.</summary>
    /// <inheritdoc cref="AlignedIoU"/>
    public static torch.Tensor AlignedIoF(torch.Tensor first, torch.Tensor second) => Aligned(first, second, OverlapKind.Foreground);

    /// <summary>Generalized intersection over union of each box with the one at the same place.</summary>
    /// <inheritdoc cref="AlignedIoU"/>
    public static torch.Tensor AlignedGIoU(torch.Tensor first, torch.Tensor second) => Aligned(first, second, OverlapKind.Generalized);

    private static torch.Tensor Matrix(torch.Tensor first, torch.Tensor second, OverlapKind kind)
    {
        Check(first, nameof(first));
        Check(second, nameof(second));
        if (!first.shape.AsSpan()[..^2].SequenceEqual(second.shape.AsSpan()[..^2]))
        {
            throw new ArgumentException($"'first' is {Operands.Describe(first)} and 'second' {Operands.Describe(second)}; expected equal lengths before the last two.", nameof(second));
        }

        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(Overlap(first.unsqueeze(-2), second.unsqueeze(-3), kind));
    }

    private static torch.Tensor Aligned(torch.Tensor first, torch.Tensor second, OverlapKind kind)
    {
        Check(first, nameof(first));
        Check(second, nameof(second));
        if (!first.shape.SequenceEqual(second.shape))
        {
            throw new ArgumentException($"'first' is {Operands.Describe(first)} and 'second' {Operands.Describe(second)}; expected equal shapes.", nameof(second));
        }

        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(Overlap(first, second, kind));
    }

    private static torch.Tensor Overlap(torch.Tensor first, torch.Tensor second, OverlapKind kind)
    {
        var (a, b) = (first.unbind(-1), second.unbind(-1));
        var overlap = Side(a[0].maximum(b[0]), a[2].minimum(b[2])).mul(Side(a[1].maximum(b[1]), a[3].minimum(b[3])));
        var area = Area(a);
        var union = kind == OverlapKind.Foreground ? area.expand(overlap.shape) : area.Plus(Area(b)).sub(overlap);
        union = union.AtLeast(Epsilon);
        var ratio = overlap.div(union);
        if (kind != OverlapKind.Generalized)
        {
            return ratio;
        }

        var hull = Side(a[0].minimum(b[0]), a[2].maximum(b[2])).mul(Side(a[1].minimum(b[1]), a[3].maximum(b[3]))).AtLeast(Epsilon);
        return ratio.sub(hull.sub(union).div(hull));
    }

    private static torch.Tensor Side(torch.Tensor low, torch.Tensor high) => high.sub(low).AtLeast(0);

    private static torch.Tensor Area(torch.Tensor[] corners) => corners[2].sub(corners[0]).mul(corners[3].sub(corners[1]));

    private static void Check(torch.Tensor boxes, string name)
    {
        ArgumentNullException.ThrowIfNull(boxes, name);
        if (!boxes.is_floating_point() || boxes.dim() < 2 || boxes.shape[^1] != 4)
        {
            throw new ArgumentException($"'{name}' is {Operands.Describe(boxes)}; expected floating point numbers [..., n, 4].", name);
        }
    }

    private enum OverlapKind
    {
        Union,
        Foreground,
        Generalized,
    }
}
