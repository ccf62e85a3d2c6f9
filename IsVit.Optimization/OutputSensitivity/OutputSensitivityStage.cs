using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.OutputSensitivity;

/// <summary>
/// Measures how much each number that a unit or a layer of the float model gives changes the model's outputs, over the first <see cref="CalibrationOptions.StatisticsImageCount"/> images: the diagonal of
/// J^T F J, J being the outputs' derivatives and F the metric of the outputs (a Gauss-Newton matrix, as in BRECQ; Li et al., arXiv 2102.05426, section 3.2). Reconstruction, weight
/// compensation and bias correction weigh errors with it.
/// </summary>
/// <remarks>
/// J is not formed: with u random of mean 0 and covariance F, the squared derivative of u^T outputs has that diagonal as its mean (Hutchinson's estimator), here taken over one draw
/// an image. Labels are not needed. A class token, which alone is read at the end, weighs far more than one of the patches, and patches weigh nothing behind the last attention.
/// </remarks>
public sealed class OutputSensitivityStage : IQuantizationStage
{
    // Gradients of the whole model are in memory for these at once.
    private const int ImagesAtOnce = 8;

    /// <inheritdoc/>
    public string Name => StageNames.OutputSensitivity;

    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => new(0, Math.Min(images, options.Calibration.StatisticsImageCount));

    /// <inheritdoc/>
    public void Check(QuantizationContext context) => GradientCheck.RequireOutputs(context, Name);

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var scope = NewDisposeScope();
        var probes = Probes(context);
        try
        {
            Measure(context, probes);
            Dictionary<string, Tensor> Found(Func<OutputProbe, Tensor?> weights) => probes
                .Select(probe => (probe.Path, Weights: weights(probe)))
                .Where(static entry => entry.Weights is not null)
                .ToDictionary(static entry => entry.Path, entry => scope.MoveToOuter(entry.Weights!), StringComparer.Ordinal);
            context.OutputWeights = Found(static probe => probe.Elements());
            context.VectorWeights = Found(static probe => probe.Vectors());
        }
        finally
        {
            probes.ForEach(static probe => probe.Dispose());
        }
    }

    private static List<OutputProbe> Probes(QuantizationContext context)
    {
        var units = context.Graph.Units.Select(static unit => unit.Path).ToHashSet(StringComparer.Ordinal);
        var products = context.Graph.Sites.Where(static site => site.Operand == SiteOperand.Left).Select(static site => site.Path).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. context.Graph.Modules
                .Select(entry => (Path: entry.Key, Module: entry.Value, IsUnit: units.Contains(entry.Key), IsReader: products.Contains(entry.Key) || SiteWeights.HasWeight(entry.Value)))
                .Where(static entry => entry.Module is nn.Module<Tensor, Tensor> or nn.Module<Tensor, Tensor, Tensor> && (entry.IsUnit || entry.IsReader))
                .Select(entry => new OutputProbe(entry.Path, entry.Module, context.BatchAxes.GetValueOrDefault(entry.Path).Output, entry.IsUnit, entry.IsReader)),
        ];
    }

    private static void Measure(QuantizationContext context, List<OutputProbe> probes)
    {
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        using var gradients = enable_grad();
        using var random = new Generator((ulong)context.Options.Seed);
        var removals = probes.ConvertAll(static probe => probe.Attach());
        try
        {
            foreach (var images in CalibrationBatches.First(context.Batches, context.Options.Calibration.StatisticsImageCount).split(ImagesAtOnce))
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var result = context.Graph.Model.call(images.detach().clone().requires_grad_(true));
                var seen = probes.Where(static probe => probe.Output is not null).ToList();
                RequireFinite(context.Graph, result, seen);
                var draws = OutputMetrics.Draws(result.detach(), context.Options.OutputMetric, random);
                var derivatives = Derivatives.Of((result * draws).sum(), [.. seen.Select(static probe => probe.Output!)]);
                for (var i = 0; i < seen.Count; i++)
                {
                    seen[i].Add(derivatives[i], images.shape[0]);
                    seen[i].Forget();
                }
            }
        }
        finally
        {
            removals.ForEach(static remove => remove());
        }
    }

    // Sites are in the order in which they run.
    private static void RequireFinite(ModuleGraph graph, Tensor result, List<OutputProbe> seen)
    {
        if (!IsFinite(result) && graph.Sites.FirstOrDefault(site => seen.Exists(probe => probe.Path == site.Path && !IsFinite(probe.Output!))) is { } first)
        {
            throw new QuantizationException($"'{first.Path}' gives a NaN or an infinity for the calibration images; expected finite numbers.");
        }
    }

    private static bool IsFinite(Tensor numbers)
    {
        using var scope = NewDisposeScope();
        return numbers.detach().isfinite().all().item<bool>();
    }
}
