using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>Fake quantization by a table whose levels are trained: numbers get the straight-through gradient, each level the sum of the gradients of the numbers that are rounded to it.</summary>
internal sealed class LearnedLevelsFunction : torch.autograd.SingleTensorFunction<LearnedLevelsFunction>
{
    private const string ProjectionName = "projection";
    private const string UnitName = "unit";
    private const string OrderName = "order";

    public override string Name => nameof(LearnedLevelsFunction);

    /// <param name="x">The numbers.</param>
    /// <param name="displacements">The trained vector.</param>
    /// <param name="projection">The levels as they are now.</param>
    /// <param name="unit">What a displacement of one is.</param>
    /// <param name="order">The displacement that each level belongs to.</param>
    public static torch.Tensor Run(torch.Tensor x, torch.Tensor displacements, TableProjection projection, double unit, int[] order)
    {
        if (!torch.is_grad_enabled())
        {
            using var noGrad = torch.no_grad();
            return Quantizer.Forward(projection, x, -1);
        }

        using var scope = torch.NewDisposeScope();
        return apply(x, displacements, projection, unit, order).MoveToOuterDisposeScope();
    }

    public override torch.Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars)
    {
        var x = (torch.Tensor)vars[0];
        ctx.save_for_backward([x]);
        ctx.save_data(ProjectionName, vars[2]);
        ctx.save_data(UnitName, vars[3]);
        ctx.save_data(OrderName, vars[4]);
        ctx.set_materialize_grads(false);
        return Quantizer.Forward((TableProjection)vars[2], x, -1);
    }

    public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, torch.Tensor grad_output)
    {
        if (grad_output is null || grad_output.IsInvalid)
        {
            return [null!, null!, null!, null!, null!];
        }

        using var x = ctx.get_saved_variables()[0];
        using var noGrad = torch.no_grad();
        var projection = (TableProjection)ctx.get_data(ProjectionName);
        var sums = LevelSums.Of(x, grad_output, projection.Table.Thresholds);
        var (unit, order) = ((double)ctx.get_data(UnitName), (int[])ctx.get_data(OrderName));
        var levels = new float[sums.Length];
        for (var i = 0; i < sums.Length; i++)
        {
            levels[order[i]] = (float)(sums[i] * unit);
        }

        var gradient = Quantizer.Backward(projection, x, grad_output, -1);
        if (!ReferenceEquals(gradient, grad_output))
        {
            grad_output.Dispose();
        }

        return [gradient, torch.tensor(levels), null!, null!, null!];
    }
}
