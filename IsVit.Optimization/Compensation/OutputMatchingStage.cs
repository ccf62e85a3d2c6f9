using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Optimization.Calibration;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.Compensation;

/// <summary>
/// Layer by layer in the order in which they run, fits weights and biases so that what the quantized model's layer makes of its own, quantized inputs is nearest to what the float model's layer gives, then rounds the
/// weights by GPTQ: ridge regression on the inputs as all layers before leave them, and compensated rounding with their moments (GPTQ with asymmetric calibration; Li et al., arXiv 2504.02692).
/// </summary>
/// <remarks>
/// Errors of earlier layers are made up for, not only a layer's own. Vectors count by <see cref="QuantizationContext.VectorWeights"/>; the first <see cref="CalibrationOptions.StatisticsImageCount"/> images are used. The weight's
/// quantizer is calibrated anew on the fitted weights. Weights stay float numbers that are rounded to the nearest code.
/// </remarks>
public sealed class OutputMatchingStage : IQuantizationStage
{
    // The shares of the inputs' mean variance to raise every input's variance by: weights stay the nearer to what they were. Which of them is decided on images that were not fitted to.
    private static readonly double[] s_ridges = [0.02, 0.05, 0.15, 0.5, 1.5, 5, 15, 50];

    /// <inheritdoc/>
    public string Name => StageNames.OutputMatching;

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var batches = CalibrationBatches.ForStatistics(context);
        var sites = context.Attachment.Bindings.Where(binding => Supports(context.Graph, binding)).ToList();
        var layers = sites.ConvertAll(site => (nn.Module<Tensor, Tensor>)context.Graph.Modules[site.Site.Path]);
        using var quantized = UnitFlow.OfLayers(context.Attachment, batches, layers);
        using var original = UnitFlow.OfLayers(context.Attachment, batches, layers);
        for (var i = 0; i < sites.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            using var layerScope = NewDisposeScope();
            var wanted = AdvanceInFloat(context, original, i);
            var (inputs, outputs) = quantized.AdvanceThroughLayer(i, context.CancellationToken);
            Fit(context, sites[i], layers[i], inputs, wanted);

            // What stands behind the layer becomes what the new weights make of it.
            for (var batch = 0; batch < outputs.Count; batch++)
            {
                using var batchScope = NewDisposeScope();
                outputs[batch].copy_(layers[i].call(inputs[batch]));
            }
        }
    }

    private static bool Supports(ModuleGraph graph, SiteBinding binding) =>
        binding.IsWeight
        && binding.State == SiteState.Quantized
        && graph.Units.Any(unit => unit.Contains(binding.Site.Path))
        && LayerMoments.Serves(graph.Modules[binding.Site.Path])
        && CompensatedRounding.Serves(binding.Quantizer, SiteWeights.Get(graph, binding.Site));

    private static IReadOnlyList<Tensor> AdvanceInFloat(QuantizationContext context, UnitFlow flow, int layer)
    {
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        return flow.AdvanceThroughLayer(layer, context.CancellationToken).Outputs;
    }

    private static void Fit(QuantizationContext context, SiteBinding site, nn.Module<Tensor, Tensor> layer, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> wanted)
    {
        var weights = context.VectorWeights.GetValueOrDefault(site.Site.Path);
        using var moments = new LayerMoments(layer, weights);
        using var fitted = new LayerMoments(layer, weights);
        using var held = new LayerMoments(layer, weights);
        for (var batch = 0; batch < inputs.Count; batch++)
        {
            moments.Add(inputs[batch], wanted[batch]);
            var half = inputs[batch].shape[0] / 2;
            var rest = inputs[batch].shape[0] - half;
            if (half > 0)
            {
                fitted.Add(inputs[batch].narrow(0, 0, half), wanted[batch].narrow(0, 0, half));
                held.Add(inputs[batch].narrow(0, half, rest), wanted[batch].narrow(0, half, rest));
            }
        }

        var path = site.Site.Path;
        var bias = SiteWeights.GetBias(layer);
        var centred = bias is not null;
        if (moments.Products(path, centred) is not { } products)
        {
            return;
        }

        var weight = SiteWeights.Get(context.Graph, site.Site);
        if (ChooseRidge(weight, fitted, held, centred, path) is { } ridge)
        {
            weight.copy_(RidgeRegression.Fit(weight, products, moments.Outputs.Products(centred), ridge, path));
        }

        site.Quantizer.Calibrate(weight.detach());
        weight.copy_(CompensatedRounding.Apply(weight, products, moments.Inputs.Count, site.Quantizer));
        if (bias is not null)
        {
            var rounded = site.Quantizer.FakeQuantize(weight.detach()).flatten(1).to(float64);
            bias.copy_((moments.Outputs.MeanY() - rounded.matmul(moments.Inputs.MeanX())).to(bias.dtype));
        }
    }

    // Null if no fit is nearer to what is wanted on the images it did not see than the weights that are there.
    private static double? ChooseRidge(Tensor weight, LayerMoments fitted, LayerMoments held, bool centred, string path)
    {
        if (fitted.Products(path, centred) is not { } products || held.Products(path, centred) is not { } heldProducts)
        {
            return null;
        }

        var wanted = fitted.Outputs.Products(centred);
        var heldWanted = held.Outputs.Products(centred);
        double? best = null;
        var smallest = Error(weight.detach().flatten(1).to(float64), heldProducts, heldWanted);
        foreach (var ridge in s_ridges)
        {
            using var scope = NewDisposeScope();
            var error = Error(RidgeRegression.Fit(weight, products, wanted, ridge, path).flatten(1).to(float64), heldProducts, heldWanted);
            if (error < smallest)
            {
                (best, smallest) = (ridge, error);
            }
        }

        return best;
    }

    // The mean squared distance from the wanted outputs, less a number that is the same for all weights.
    private static double Error(Tensor matrix, Tensor products, Tensor wanted)
    {
        using var scope = NewDisposeScope();
        return (matrix.matmul(products) - wanted.transpose(0, 1).Times(2)).mul(matrix).sum().item<double>();
    }
}
