using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.LeastSquares;

/// <summary>
/// Changes weights and biases so that layers compute from quantized inputs, as nearly as possible, what the float model's layers compute from the unquantized ones: ridge regression, each layer
/// separately, over the first <see cref="CalibrationOptions.StatisticsImageCount"/> images. Errors are weighted by <see cref="QuantizationContext.Importance"/>.
/// </summary>
/// <remarks>
/// The solution is exact and costs one forward pass, where a reconstruction takes many small iterations; reconstruction continues from there, with all layers of a unit together. Inputs and outputs are the
/// float model's: the stage belongs after the calibration of activations and before any stage that changes parameters.
/// </remarks>
public sealed class RidgeCorrectionStage : IQuantizationStage
{
    // The share of the inputs' mean variance that every input's variance is raised by; weights stay the nearer to what they were.
    private const double Ridge = 0.05;

    /// <inheritdoc/>
    public string Name => StageNames.RidgeCorrection;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> After => [StageNames.ActivationCalibration];

    /// <inheritdoc/>
    public IReadOnlyCollection<Type> Reads => [typeof(OutputImportance)];

    // Products of all pairs of inputs, and of inputs and outputs, beside a float and a quantized forward.
    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => new(4.6 * Math.Min(images, options.Calibration.StatisticsImageCount), 0);

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var flow = new FloatFlow(context, CalibrationBatches.ForStatistics(context));
        for (var i = 0; i < context.Graph.Units.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var unit = context.Graph.Units[i];
            var layers = context.Attachment.Bindings.Where(binding => Supports(context.Graph, unit, binding)).ToList();
            if (layers.Count > 0)
            {
                Compensate(context, i, layers, flow);
            }
        }
    }

    private static bool Supports(ModuleGraph graph, Unit unit, SiteBinding binding) =>
        binding.Site.Operand == SiteOperand.Input
        && binding.State == SiteState.Quantized
        && unit.Contains(binding.Site.Path)
        && LayerMoments.Supports(graph.Modules[binding.Site.Path]);

    private static void Compensate(QuantizationContext context, int index, List<SiteBinding> layers, FloatFlow flow)
    {
        var unit = context.Graph.Modules[context.Graph.Units[index].Path];
        var moments = layers.ConvertAll(layer => new LayerMoments(
            (nn.Module<Tensor, Tensor>)context.Graph.Modules[layer.Site.Path],
            context.Importance.OfLayer(layer.Site.Path),
            layer.Quantizer));
        try
        {
            var inputs = flow.AdvanceToInput(index);
            using (flow.InFloat(index))
            {
                LayerObserver.Observe(unit, inputs, moments, context.CancellationToken);
            }

            for (var i = 0; i < layers.Count; i++)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                Compensate(context, layers[i].Site, moments[i]);
            }
        }
        finally
        {
            moments.ForEach(static moment => moment.Dispose());
        }
    }

    private static void Compensate(QuantizationContext context, Site site, LayerMoments moments)
    {
        using var scope = NewDisposeScope();
        var graph = context.Graph;
        var bias = SiteWeights.GetBias(graph.Modules[site.Path]);
        var centred = bias is not null;
        if (moments.Products(site.Path, centred) is not { } products)
        {
            return;
        }

        var weight = SiteWeights.Get(graph, site);
        var matrix = weight.flatten(1).to(float64);
        var damping = products.diagonal().mean().Times(Ridge + (matrix.shape[1] / moments.Inputs.Count));
        var damped = products.Plus(diag(damping.expand(matrix.shape[1])));
        var wanted = moments.Outputs.Products(centred).Plus(matrix.transpose(0, 1) * damping);
        if (!wanted.isfinite().all().item<bool>())
        {
            throw new QuantizationException($"Layer '{site.Path}' gave a NaN or an infinity as output; expected finite numbers.");
        }

        // Weights of which some are to stay 0 are left as they are: the others by themselves would make up for less.
        if (context.Kept?.ZerosOf(site.Path) is null)
        {
            matrix = linalg.solve(damped, wanted).transpose(0, 1);
            weight.copy_(matrix.view(weight.shape).to(weight.dtype));
        }

        bias?.copy_((moments.Outputs.MeanY() - BatchedProduct.Of(matrix, moments.Inputs.MeanX())).to(bias.dtype));
    }
}
