using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Optimization;

/// <summary>Replaces float weights by the numbers that their codes stand for, so that no forward has to quantize them again.</summary>
internal static class WeightRounding
{
    public static void Apply(GraphAttachment attachment)
    {
        using var noGrad = no_grad();
        foreach (var binding in attachment.Bindings.Where(static binding => binding.IsWeight && binding.State == SiteState.Quantized))
        {
            var weight = SiteWeights.Get(attachment.Graph, binding.Site);
            using var rounded = binding.Quantizer.FakeQuantize(weight.detach());
            weight.copy_(rounded);
            binding.State = SiteState.Off;
        }
    }
}
