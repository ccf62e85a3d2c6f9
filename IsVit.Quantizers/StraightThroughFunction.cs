using System.Runtime.CompilerServices;
using TorchSharp;

namespace IsVit.Quantizers;

/// <summary>Fake quantization as one node of the autograd graph: the backward pass needs nothing but the input.</summary>
internal sealed class StraightThroughFunction : torch.autograd.SingleTensorFunction<StraightThroughFunction>
{
    private const string ProjectionName = "projection";
    private const string AxisName = "axis";

    // What the thread returned last where no scope was open: libtorch has its own handle on it by now.
    [ThreadStatic]
    private static torch.Tensor? t_returned;

    public override string Name => nameof(StraightThroughFunction);

    /// <summary>Adds the node. The result alone outlives the call: TorchSharp's second handle on it and its spare tensor of the same size do not.</summary>
    public static torch.Tensor Run(torch.Tensor x, IProjection projection, int axis)
    {
        using var scope = torch.NewDisposeScope();
        return apply(x, projection, axis).MoveToOuterDisposeScope();
    }

    public override torch.Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars)
    {
        var x = (torch.Tensor)vars[0];
        ctx.save_for_backward([x]);
        ctx.save_data(ProjectionName, vars[1]);
        ctx.save_data(AxisName, vars[2]);

        // The spare tensor, from which a missing gradient would be made, is gone by then.
        ctx.set_materialize_grads(false);
        return Quantizer.Forward((IProjection)vars[1], x, (int)vars[2]);
    }

    public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, torch.Tensor grad_output)
    {
        if (grad_output is null || grad_output.IsInvalid)
        {
            return [null!, null!, null!];
        }

        using var x = ctx.get_saved_variables()[0];
        using var noGrad = torch.no_grad();
        var gradient = Quantizer.Backward((IProjection)ctx.get_data(ProjectionName), x, grad_output, (int)ctx.get_data(AxisName));

        // Gradients of CUDA tensors flow on a thread of libtorch's, where no scope lets go of them, and the collector does not know how large they are.
        if (!ReferenceEquals(gradient, grad_output))
        {
            grad_output.Dispose();
        }

        if (OwningScope(gradient) is null)
        {
            t_returned?.Dispose();
            t_returned = gradient;
        }

        return [gradient, null!, null!];
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_OwningDisposeScope")]
    private static extern DisposeScope? OwningScope(torch.Tensor tensor);
}
