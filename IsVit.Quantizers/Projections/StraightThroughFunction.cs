using System.Runtime.CompilerServices;
using TorchSharp;

namespace IsVit.Quantizers.Projections;

/// <summary>Fake quantization as one node of the autograd graph: the backward pass needs nothing but the input. Parameters that are trained get a gradient as well.</summary>
internal sealed class StraightThroughFunction : torch.autograd.SingleTensorFunction<StraightThroughFunction>
{
    private const string ProjectionName = "projection";
    private const string AxisName = "axis";
    private const string VectorGradientName = "vector gradient";

    // What the thread returned last where no scope was open: libtorch has its own handle on it by now.
    [ThreadStatic]
    private static torch.Tensor? t_returned;

    [ThreadStatic]
    private static torch.Tensor? t_returnedVector;

    public override string Name => nameof(StraightThroughFunction);

    /// <summary>Adds the node. The result alone outlives the call: TorchSharp's second handle on it and its spare tensor of the same size do not.</summary>
    public static torch.Tensor Run(torch.Tensor x, IProjection projection, int axis)
    {
        using var scope = torch.NewDisposeScope();
        return apply(x, projection, axis).MoveToOuterDisposeScope();
    }

    /// <summary>Adds the node with parameters that are trained.</summary>
    public static torch.Tensor Run(torch.Tensor x, ILearnedParameters learned, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var (projection, gradient) = learned.Present();
        return apply(x, projection, axis, learned.Vector, gradient).MoveToOuterDisposeScope();
    }

    public override torch.Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars)
    {
        var x = (torch.Tensor)vars[0];
        ctx.save_for_backward([x]);
        ctx.save_data(ProjectionName, vars[1]);
        ctx.save_data(AxisName, vars[2]);
        ctx.save_data(VectorGradientName, vars.Length > 3 ? vars[4] : null!);

        // The spare tensor, from which a missing gradient would be made, is gone by then.
        ctx.set_materialize_grads(false);
        return WideProjection.Forward((IProjection)vars[1], x, (int)vars[2]);
    }

    public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, torch.Tensor grad_output)
    {
        var vectorGradient = (VectorGradient?)ctx.get_data(VectorGradientName);
        if (grad_output is null || grad_output.IsInvalid)
        {
            return vectorGradient is null ? [null!, null!, null!] : [null!, null!, null!, null!, null!];
        }

        using var x = ctx.get_saved_variables()[0];
        using var noGrad = torch.no_grad();
        var axis = (int)ctx.get_data(AxisName);
        var gradient = WideProjection.Backward((IProjection)ctx.get_data(ProjectionName), x, grad_output, axis);
        var vector = vectorGradient?.Invoke(x, grad_output, gradient, axis);

        // Gradients of CUDA tensors flow on a thread of libtorch's, where no scope lets go of them, and the collector does not know how large they are.
        if (!ReferenceEquals(gradient, grad_output))
        {
            grad_output.Dispose();
        }

        HoldWithoutScope(gradient, ref t_returned);
        if (vector is null)
        {
            return [gradient, null!, null!];
        }

        HoldWithoutScope(vector, ref t_returnedVector);
        return [gradient, null!, null!, vector, null!];
    }

    private static void HoldWithoutScope(torch.Tensor returned, ref torch.Tensor? held)
    {
        if (OwningScope(returned) is null)
        {
            held?.Dispose();
            held = returned;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_OwningDisposeScope")]
    private static extern DisposeScope? OwningScope(torch.Tensor tensor);
}
