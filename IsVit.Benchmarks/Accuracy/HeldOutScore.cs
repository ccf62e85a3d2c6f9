using TorchSharp;

namespace IsVit.Benchmarks.Accuracy;

/// <summary>How close a model's outputs are to those of the float model.</summary>
/// <param name="Agreement">Percent of images with the same first class.</param>
/// <param name="SquaredError">The mean squared difference of the logits.</param>
/// <param name="Divergence">The mean divergence (Kullback-Leibler) of the class probabilities from the float model's.</param>
internal sealed record HeldOutScore(double Agreement, double SquaredError, double Divergence)
{
    /// <summary>Compares [images, classes] with [images, classes].</summary>
    public static HeldOutScore Of(torch.Tensor outputs, torch.Tensor reference)
    {
        using var scope = torch.NewDisposeScope();
        var (own, other) = (outputs.to(torch.float64), reference.to(torch.float64));
        var expected = torch.nn.functional.log_softmax(other, 1);
        return new(
            own.argmax(1).eq(other.argmax(1)).to(torch.float64).mean().item<double>() * 100,
            torch.nn.functional.mse_loss(own, other).item<double>(),
            expected.exp().mul(expected.sub(torch.nn.functional.log_softmax(own, 1))).sum(1).mean().item<double>());
    }
}
