using IsVit.Core.Arithmetic;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>Which level of a feature pyramid a region of interest is pooled from (Lin et al., arXiv 1612.03144, eq. 1, as MMDetection computes it).</summary>
public static class RoiLevels
{
    /// <summary>The levels, floor(log2(sqrt(width height) / finestScale + 1e-6)), clamped.</summary>
    /// <param name="rois">[n, 5], floating point: the image's index, then x1, y1, x2, y2 in pixels.</param>
    /// <param name="levelCount">The number of levels, 1 or more.</param>
    /// <param name="finestScale">Below twice this side in pixels a region belongs to level 0.</param>
    /// <returns>[n], Int64, on the regions' device. A region whose area is negative or no number is of level 0.</returns>
    /// <exception cref="ArgumentException">The regions are of another type or shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1, or the scale is not positive and finite.</exception>
    public static torch.Tensor Of(torch.Tensor rois, int levelCount, double finestScale = 56)
    {
        Operands.Floating(rois, nameof(rois), "n, 5", -1, 5);
        ArgumentOutOfRangeException.ThrowIfLessThan(levelCount, 1);
        if (!(finestScale > 0 && double.IsFinite(finestScale)))
        {
            throw new ArgumentOutOfRangeException(nameof(finestScale), finestScale, "The finest scale is positive and finite.");
        }

        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var corners = rois.detach().to(rois.dtype == torch.ScalarType.Float64 ? torch.ScalarType.Float64 : torch.ScalarType.Float32).unbind(1);
        var area = corners[3].sub(corners[1]).mul(corners[4].sub(corners[2]));
        area = torch.where(area.ge(torch.zeros_like(area)), area, torch.zeros_like(area));
        var levels = area.sqrt().Over(finestScale).PlusInPlace(1e-6).log2().floor().ClampInPlace(levelCount - 1);
        return scope.MoveToOuter(levels.to(torch.ScalarType.Int64));
    }
}
