using TorchSharp;

namespace IsVit.Quantizers.Projections;

/// <summary>Projections of tensors of fewer bits than float32, in float32 where the projection does not take them as they are.</summary>
internal static class WideProjection
{
    /// <summary>Numbers to the numbers that their codes stand for, of the type of <paramref name="x"/>.</summary>
    public static torch.Tensor Forward(IProjection projection, torch.Tensor x, int axis)
    {
        using var wide = Widen(x, projection);
        if (wide.dtype == x.dtype)
        {
            return projection.Project(wide, axis);
        }

        using var projected = projection.Project(wide, axis);
        return projected.to(x.dtype);
    }

    /// <summary>The gradient with respect to <paramref name="x"/>, of its type.</summary>
    public static torch.Tensor Backward(IProjection projection, torch.Tensor x, torch.Tensor gradient, int axis)
    {
        using var wide = Widen(x, projection);
        if (wide.dtype == x.dtype)
        {
            return projection.Gradient(wide, gradient, axis);
        }

        using var wideGradient = gradient.to(wide.dtype);
        using var result = projection.Gradient(wide, wideGradient, axis);
        return result.to(x.dtype);
    }

    /// <summary>The tensor itself where it is taken as it is, and in float32 otherwise; without its history.</summary>
    public static torch.Tensor Widen(torch.Tensor x, IProjection? taker = null) =>
        x.dtype is torch.ScalarType.Float32 or torch.ScalarType.Float64 || taker?.Supports(x) == true ? x.detach() : x.to(torch.ScalarType.Float32);
}
