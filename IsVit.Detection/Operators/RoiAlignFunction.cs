using System.Runtime.CompilerServices;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>The fused pooling as one node of the autograd graph, over all levels: the backward pass needs no tensor of the forward pass.</summary>
internal sealed class RoiAlignFunction : torch.autograd.SingleTensorFunction<RoiAlignFunction>
{
    private const string PlanName = "plan";
    private const string WantedName = "wanted";

    // What the thread returned last where no scope was open: libtorch has its own handles on it by now.
    [ThreadStatic]
    private static List<torch.Tensor>? t_returned;

    public override string Name => nameof(RoiAlignFunction);

    /// <summary>Adds the node.</summary>
    /// <param name="plan">The pooling.</param>
    /// <param name="features">The maps, contiguous.</param>
    public static torch.Tensor Run(RoiAlignPlan plan, torch.Tensor[] features)
    {
        using var scope = torch.NewDisposeScope();
        var wanted = Array.ConvertAll(features, static map => map.requires_grad);
        return apply([.. features, plan, wanted]).MoveToOuterDisposeScope();
    }

    public override torch.Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars)
    {
        var plan = (RoiAlignPlan)vars[^2];
        ctx.save_data(PlanName, plan);
        ctx.save_data(WantedName, vars[^1]);
        ctx.set_materialize_grads(false);
        return plan.Forward(Array.ConvertAll(vars[..^2], static map => (torch.Tensor)map));
    }

    public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, torch.Tensor grad_output)
    {
        var wanted = (bool[])ctx.get_data(WantedName);
        if (grad_output is null || grad_output.IsInvalid)
        {
            return [.. Enumerable.Repeat<torch.Tensor>(null!, wanted.Length + 2)];
        }

        using var noGrad = torch.no_grad();
        using var gradient = grad_output.contiguous();
        var gradients = ((RoiAlignPlan)ctx.get_data(PlanName)).Backward(gradient, wanted);
        HoldWithoutScope(gradients);
        return [.. gradients.Select(static tensor => tensor!), null!, null!];
    }

    private static void HoldWithoutScope(torch.Tensor?[] returned)
    {
        var loose = returned.OfType<torch.Tensor>().Where(static tensor => OwningScope(tensor) is null).ToList();
        if (loose.Count > 0)
        {
            t_returned?.ForEach(static tensor => tensor.Dispose());
            t_returned = loose;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_OwningDisposeScope")]
    private static extern DisposeScope? OwningScope(torch.Tensor tensor);
}
