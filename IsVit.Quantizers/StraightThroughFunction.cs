using TorchSharp;

namespace IsVit.Quantizers;

/// <summary>Fake quantization as one node of the autograd graph: the backward pass needs nothing but the input.</summary>
internal sealed class StraightThroughFunction : torch.autograd.SingleTensorFunction<StraightThroughFunction>
{
    public override string Name => nameof(StraightThroughFunction);

    public override torch.Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars)
    {
        var x = (torch.Tensor)vars[0];
        ctx.save_for_backward([x]);
        ctx.save_data("projection", vars[1]);
        ctx.save_data("axis", vars[2]);
        return Quantizer.Forward((IProjection)vars[1], x, (int)vars[2]);
    }

    public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, torch.Tensor grad_output)
    {
        using var x = ctx.get_saved_variables()[0];
        using var noGrad = torch.no_grad();
        return [Quantizer.Backward((IProjection)ctx.get_data("projection"), x, grad_output, (int)ctx.get_data("axis")), null!, null!];
    }
}
