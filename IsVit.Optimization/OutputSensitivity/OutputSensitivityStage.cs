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
/// Measures how much each output element of a unit or a layer of the float model affects the model's outputs, over the first <see cref="CalibrationOptions.StatisticsImageCount"/> images: the diagonal of
/// J^T F J, where J is the outputs' Jacobian and F the metric of the outputs (a Gauss-Newton matrix, as in BRECQ; Li et al., arXiv 2102.05426, section 3.2). Reconstruction, weight
/// compensation and bias correction weight errors by it.
/// </summary>
/// <remarks>
/// J is not computed: for a random u with mean 0 and covariance F, the mean of the squared derivative of u^T outputs is that diagonal (Hutchinson's estimator), here estimated from one draw
/// per image. Labels are not needed. A class token, the only token that the head reads, has a far larger weight than a patch token, and patch tokens have weight 0 after the last attention.
/// </remarks>
public sealed class OutputSensitivityStage : IQuantizationStage
{
    // Gradients of the whole model are in memory for these at once.
    private const int ImagesAtOnce = 8;

    /// <inheritdoc/>
    public string Name => StageNames.OutputSensitivity;

    /// <inheritdoc/>
    public IReadOnlyCollection<Type> Writes => [typeof(OutputImportance)];

    bool IQuantizationStage.IsPreparation => true;

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
            context.Publish(new OutputImportance(
                probes.GroupBy(static probe => probe.Path, StringComparer.Ordinal).ToDictionary(static unit => unit.Key, static unit => (IReadOnlyList<Tensor?>)OfUnit([.. unit]), StringComparer.Ordinal),
                probes.Where(static probe => probe.Which == 0).Select(static probe => (probe.Path, Vectors: probe.Vectors())).Where(static entry => entry.Vectors is not null)
                    .ToDictionary(static entry => entry.Path, static entry => entry.Vectors!, StringComparer.Ordinal)));
        }
        finally
        {
            probes.ForEach(static probe => probe.Dispose());
        }
    }

    // An error counts by what it does, whichever of a unit's outputs it is in.
    private static Tensor?[] OfUnit(List<OutputProbe> outputs)
    {
        var totals = outputs.Select(static output => output.Total).OfType<(double Sum, long Count)>().ToList();
        var mean = totals.Count == 0 ? 0 : totals.Sum(static total => total.Sum) / totals.Sum(static total => total.Count);
        var found = new Tensor?[outputs.Max(static output => output.Which) + 1];
        outputs.ForEach(output => found[output.Which] = output.Elements(mean));
        return found;
    }

    private static List<OutputProbe> Probes(QuantizationContext context)
    {
        var units = context.Graph.Units.Select(static unit => unit.Path).ToHashSet(StringComparer.Ordinal);
        var products = context.Graph.Sites.Where(static site => site.Operand == SiteOperand.Left).Select(static site => site.Path).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. context.Graph.Modules
                .Select(entry => (Path: entry.Key, Module: entry.Value, IsUnit: units.Contains(entry.Key), IsReader: products.Contains(entry.Key) || SiteWeights.HasWeight(entry.Value)))
                .Where(static entry => entry.IsUnit || entry.IsReader)
                .SelectMany(entry => Axes(context, entry.Path).Select((axis, i) => new OutputProbe(entry.Path, entry.Module, i, axis, entry.IsUnit, entry.IsReader))),
        ];
    }

    // The axis of samples in each tensor that a module gives; one that runs several times gives one each time.
    private static IEnumerable<int?> Axes(QuantizationContext context, string path) =>
        context.BatchAxes.GetValueOrDefault(path)?.Outputs.Select(static axis => axis == BatchAxes.SameForAll ? null : axis) ?? [null];

    private static void Measure(QuantizationContext context, List<OutputProbe> probes)
    {
        using var suspended = context.Attachment.Suspend();
        using var original = context.FloatParameters.Use();
        using var gradients = enable_grad();
        using var random = new Generator((ulong)context.Options.Seed);
        var comparison = OutputComparison.Of(context);
        using var trainable = GradientCheck.ReachParameters(context.Graph.Model, context.Batches[0]);
        var removals = probes.ConvertAll(static probe => probe.Attach());
        try
        {
            foreach (var images in CalibrationBatches.First(context.Batches, context.Options.Calibration.StatisticsImageCount).Split(CalibrationBatches.AtOnce(context.Batches, ImagesAtOnce)))
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var result = context.Graph.Forward.Run(images.AsVariables());
                var seen = probes.Where(static probe => probe.Output is { requires_grad: true }).ToList();
                RequireFinite(context.Graph, result, seen);
                var derivatives = Derivatives.Of(comparison.Projection(result, random), [.. seen.Select(static probe => probe.Output!)]);
                for (var i = 0; i < seen.Count; i++)
                {
                    seen[i].Add(derivatives[i], images.Count);
                }

                probes.ForEach(static probe => probe.Forget());
            }
        }
        finally
        {
            removals.ForEach(static remove => remove());
        }
    }

    // Sites are in the order in which they run.
    private static void RequireFinite(ModuleGraph graph, IReadOnlyList<Tensor> result, List<OutputProbe> seen)
    {
        if (!result.All(IsFinite) && graph.Sites.FirstOrDefault(site => seen.Exists(probe => probe.Path == site.Path && !IsFinite(probe.Output!))) is { } first)
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
