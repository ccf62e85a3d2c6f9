using IsVit.Core.Arithmetic;
using IsVit.Quantizers.Kernels;
using TorchSharp;

namespace IsVit.Quantizers.Uniform;

/// <summary>
/// Uniform fake quantization whose scales are trained (LSQ; Esser et al., arXiv 1902.08153, eq. 3): numbers get the straight-through gradient; of x' = s (q - z), q being x / s rounded straight through, the
/// derivative by s is q - z, less x / s for what is not clamped.
/// </summary>
internal sealed class LearnedScalesFunction : torch.autograd.SingleTensorFunction<LearnedScalesFunction>
{
    private const string ProjectionName = "projection";
    private const string AxisName = "axis";

    public override string Name => nameof(LearnedScalesFunction);

    /// <param name="x">The numbers.</param>
    /// <param name="logarithms">The trained vector.</param>
    /// <param name="projection">The scales as they are now.</param>
    /// <param name="axis">The axis of channels, -1 per tensor.</param>
    public static torch.Tensor Run(torch.Tensor x, torch.Tensor logarithms, UniformProjection projection, int axis)
    {
        if (!torch.is_grad_enabled())
        {
            using var noGrad = torch.no_grad();
            return Quantizer.Forward(projection, x, axis);
        }

        using var scope = torch.NewDisposeScope();
        return apply(x, logarithms, projection, axis).MoveToOuterDisposeScope();
    }

    public override torch.Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars)
    {
        var x = (torch.Tensor)vars[0];
        ctx.save_for_backward([x]);
        ctx.save_data(ProjectionName, vars[2]);
        ctx.save_data(AxisName, vars[3]);
        ctx.set_materialize_grads(false);
        return Quantizer.Forward((UniformProjection)vars[2], x, (int)vars[3]);
    }

    public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, torch.Tensor grad_output)
    {
        if (grad_output is null || grad_output.IsInvalid)
        {
            return [null!, null!, null!, null!];
        }

        using var x = ctx.get_saved_variables()[0];
        using var noGrad = torch.no_grad();
        var projection = (UniformProjection)ctx.get_data(ProjectionName);
        var axis = (int)ctx.get_data(AxisName);
        var gradient = Quantizer.Backward(projection, x, grad_output, axis);
        var scales = axis < 0 ? OfTensor(x, grad_output, gradient, projection) : OfChannels(x, grad_output, gradient, projection, axis);
        if (!ReferenceEquals(gradient, grad_output))
        {
            grad_output.Dispose();
        }

        return [gradient, scales, null!, null!];
    }

    // By the logarithm of s it is the derivative by s, times s.
    private static torch.Tensor OfTensor(torch.Tensor x, torch.Tensor above, torch.Tensor passed, UniformProjection projection)
    {
        using var scope = torch.NewDisposeScope();
        var (levels, thresholds) = projection.Levels();
        var sums = LevelSums.Of(x, above, thresholds);
        var total = -(passed * x).sum(torch.ScalarType.Float64).cpu().item<double>();
        for (var i = 0; i < sums.Length; i++)
        {
            total += sums[i] * levels[i];
        }

        return torch.tensor(new[] { (float)total }).MoveToOuterDisposeScope();
    }

    private static torch.Tensor OfChannels(torch.Tensor x, torch.Tensor above, torch.Tensor passed, UniformProjection projection, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var others = Enumerable.Range(0, (int)x.dim()).Where(i => i != axis).Select(static i => (long)i).ToArray();
        var value = Quantizer.Forward(projection, x, axis).mul_(above).sub_(passed * x);
        return (others.Length == 0 ? value : value.sum(others)).to(torch.ScalarType.Float32).cpu().MoveToOuterDisposeScope();
    }
}
