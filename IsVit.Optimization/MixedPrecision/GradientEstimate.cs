using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputSensitivity;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>
/// Estimates what quantizing each of some sites alone does to the outputs: e^T J^T F J e, e being the errors that the quantizer makes, J the outputs' derivatives by the site's numbers and F the metric of the
/// outputs (a Gauss-Newton matrix as in BRECQ, Li et al., arXiv 2102.05426, section 3.2, and not its diagonal alone). Half of it is, to second order, the divergence of class probabilities.
/// </summary>
/// <remarks>
/// J is not formed: with u random of mean 0 and covariance F, the square of e^T J^T u has that as its mean. A site's derivatives serve all bit widths. Images go through the model one by one, so that each has a
/// term of its own, whatever a model does with the axis of images.
/// </remarks>
internal static class GradientEstimate
{
    /// <summary>Makes the estimates.</summary>
    /// <param name="context">The model, all of whose sites are off.</param>
    /// <param name="bindings">Sites with ladders for quantizers, calibrated.</param>
    /// <param name="images">The images.</param>
    /// <param name="drawCount">How many draws of u an image.</param>
    /// <param name="seen">Called after every image.</param>
    /// <returns>The sites' estimates, in their order.</returns>
    public static IReadOnlyList<SiteEstimate> Make(QuantizationContext context, IReadOnlyList<SiteBinding> bindings, SampleBatch images, int drawCount, Action seen)
    {
        var sites = bindings.Select(static binding => new SiteEstimate(binding)).ToList();
        try
        {
            Probe(sites);
            using var gradients = enable_grad();
            using var random = new Generator((ulong)context.Options.Seed);
            for (var i = 0; i < images.Count; i++)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                AddImage(sites, context.Graph.Forward.Run(images.Slice(i, 1).AsVariables()), drawCount, OutputComparison.Of(context), random);
                seen();
            }

            return sites;
        }
        finally
        {
            foreach (var site in sites)
            {
                site.Forget();
                ((QuantizerLadder)site.Binding.Quantizer).Probe = null;
                site.Binding.State = SiteState.Off;
            }
        }
    }

    // Sites that share a ladder come to it in the order in which they run, which is that of the bindings, and each of them once a forward.
    private static void Probe(List<SiteEstimate> sites)
    {
        foreach (var group in sites.GroupBy(static site => (QuantizerLadder)site.Binding.Quantizer, ReferenceEqualityComparer.Instance))
        {
            var members = group.ToList();
            var next = 0;
            ((QuantizerLadder)group.Key!).Probe = x => members[next++ % members.Count].Witness(x);
            members.ForEach(static member => member.Binding.State = SiteState.Quantized);
        }
    }

    private static void AddImage(List<SiteEstimate> sites, IReadOnlyList<Tensor> outputs, int drawCount, OutputComparison comparison, Generator random)
    {
        var numbers = sites.ConvertAll(static site => site.Numbers ?? throw new QuantizationException(
            $"Site '{site.Binding.Site.Id}' fired when the graph was traced but not later; a forward must run the same modules for every batch."));
        var derivatives = new List<Tensor?[]>();
        for (var draw = 0; draw < drawCount; draw++)
        {
            derivatives.Add(Derivatives.Of(comparison.Projection(outputs, random), numbers, retainGraph: draw + 1 < drawCount));
        }

        for (var i = 0; i < sites.Count; i++)
        {
            sites[i].Add([.. derivatives.Select(draw => draw[i])]);
            sites[i].Forget();
        }
    }
}
