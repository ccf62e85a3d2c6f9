using System.Diagnostics;
using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Calibration;
using IsVit.Optimization.Options;
using IsVit.Optimization.OutputSensitivity;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>
/// Finds out what quantizing each site alone does to the outputs. Quantizers see what they see in a run of the recipe: activations behind what the recipe does before it calibrates, weights behind the
/// reparameterization, which widens and narrows their columns. Everything else stays float.
/// </summary>
/// <param name="context">The model, with ladders for quantizers and all sites off.</param>
/// <param name="options">What to find out.</param>
/// <param name="entrances">Where forwards can begin.</param>
/// <param name="progress">Hears how far it is; null for no one.</param>
internal sealed class SensitivityMeasurement(QuantizationContext context, SensitivityOptions options, UnitEntrances entrances, IProgress<QuantizationProgress>? progress)
{
    /// <summary>What progress calls this.</summary>
    public const string StageName = "sensitivity";

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly long _imageCount = Math.Min(options.ImageCount, CalibrationBatches.Count(context.Batches));
    private int _done;

    /// <summary>Runs it. The model's parameters are not as they were afterwards.</summary>
    public SensitivityReport Run()
    {
        var preparations = context.Recipe.Stages.TakeWhile(static stage => stage.IsPreparation).ToList();
        preparations.ForEach(stage => stage.Check(context));
        var macs = Products();
        var ownInput = context.Graph.Sites.Where(static site => site.Role == SiteRole.ModelInput).Select(static site => site.Path).ToHashSet(StringComparer.Ordinal);
        var other = OtherParameterBytes();
        foreach (var stage in preparations)
        {
            stage.Run(context);
        }

        var activations = context.Attachment.Bindings.Where(static binding => !binding.IsWeight).ToList();
        var found = new Dictionary<SiteBinding, SiteSensitivity>();
        ActivationCalibrationStage.Calibrate(context, activations, SiteState.Calibrating);
        activations.ForEach(static binding => binding.State = SiteState.Off);
        Look(activations, found, macs, ownInput);
        if (activations.Count > 0)
        {
            context.Recipe.Stages.FirstOrDefault(static stage => stage.Name == StageNames.Reparameterization)?.Run(context);
        }

        var weights = context.Attachment.Bindings.Where(static binding => binding.IsWeight).ToList();
        weights.ForEach(binding => WeightCalibrationStage.Calibrate(context, binding));
        Look(weights, found, macs, ownInput);
        return new SensitivityReport
        {
            Recipe = context.Recipe.Name,
            Method = options.Method,
            Metric = context.Options.OutputMetric,
            ImageCount = (int)_imageCount,
            Widths = [.. options.Widths.Distinct().Order()],
            Sites = [.. context.Attachment.Bindings.Select(binding => found[binding])],
            OtherParameterBytes = other,
            Duration = _clock.Elapsed,
        };
    }

    private SampleBatch Images() => CalibrationBatches.First(context.Batches, options.ImageCount);

    private void Look(List<SiteBinding> bindings, Dictionary<SiteBinding, SiteSensitivity> found, IReadOnlyDictionary<string, long> macs, HashSet<string> ownInput)
    {
        if (bindings.Count == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        var images = Images();
        var estimates = GradientEstimate.Make(context, bindings, images, options.DrawCount, () => Report(null));
        using var noGrad = no_grad();
        var floatOutputs = entrances.Record(images);
        using var divergence = new OutputDivergence(floatOutputs, OutputComparison.Of(context));
        for (var i = 0; i < bindings.Count; i++)
        {
            var (binding, estimate) = (bindings[i], estimates[i]);
            var ladder = (QuantizerLadder)binding.Quantizer;
            if (options.Method == SensitivityMethod.Measured)
            {
                Report(binding.Site.Id);
            }

            var widths = new List<WidthSensitivity>();
            foreach (var bits in ladder.Widths)
            {
                var measured = options.Method == SensitivityMethod.Measured ? Measure(binding, ladder, bits, divergence) : ((double Divergence, double SquaredError)?)null;
                widths.Add(new WidthSensitivity
                {
                    Bits = bits,
                    Measured = measured?.Divergence,
                    OutputError = measured?.SquaredError,
                    Estimated = estimate.Change(bits) / 2,
                    QuantizationError = estimate.Error(bits),
                });
            }

            if (widths.Find(static width => !double.IsFinite(width.Divergence)) is { } wrong)
            {
                throw new QuantizationException(FormattableString.Invariant($"With site '{binding.Site.Id}' at {wrong.Bits} bits the model's outputs hold a NaN or an infinity; expected finite numbers."));
            }

            found[binding] = Describe(binding, estimate.Elements, widths, macs, ownInput);
        }
    }

    private (double Divergence, double SquaredError) Measure(SiteBinding binding, QuantizerLadder ladder, int bits, OutputDivergence divergence)
    {
        context.CancellationToken.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        ladder.Select(bits);
        binding.State = SiteState.Quantized;
        try
        {
            return divergence.Of(entrances.Run(binding.Site.Path));
        }
        finally
        {
            binding.State = SiteState.Off;
            ladder.Select(context.Options.SpecFor(binding.Site, context.Recipe.Schemes)!.Bits.Bits);
        }
    }

    private SiteSensitivity Describe(SiteBinding binding, long elements, List<WidthSensitivity> widths, IReadOnlyDictionary<string, long> macs, HashSet<string> ownInput)
    {
        var site = binding.Site;
        var spec = context.Options.SpecFor(site, context.Recipe.Schemes)!;
        var isPinned = IsPinned(site, context.Options);
        var other = context.Attachment.Bindings.Any(found => found.Site.Path == site.Path && found != binding) ? (int?)null
            : ownInput.Contains(site.Path) ? SiteSensitivity.ModelInputBits : SiteSensitivity.FloatBits;
        return new SiteSensitivity
        {
            Site = site,
            Unit = context.Graph.UnitOf(site.Path)?.Path,
            Spec = spec,
            IsPinned = isPinned,
            Group = site is { Role: SiteRole.PostLayerNorm, Producer: { } producer } && (!isPinned || spec.Granularity is Granularity.PerChannel) ? producer : site.Id,
            Elements = elements,
            MultiplyAccumulates = macs.GetValueOrDefault(site.Path),
            OtherOperandBits = other,
            Widths = widths,
        };
    }

    /// <summary>Whether an override gives a site its bits.</summary>
    public static bool IsPinned(Site site, QuantizationOptions options) => options.Overrides.Any(change => change is { Quantize: true, Bits: not null } && change.Fits(site));

    private Dictionary<string, long> Products()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return ModuleProducts.Record(context.Graph, context.FirstSample).Select(static recorded => recorded.Product).GroupBy(static product => product.Path, StringComparer.Ordinal)
            .ToDictionary(static group => group.Key, static group => group.Sum(static product => product.MultiplyAccumulates), StringComparer.Ordinal);
    }

    private long OtherParameterBytes()
    {
        var weights = context.Attachment.Bindings.Where(static binding => binding.IsWeight).Select(binding => SiteWeights.Get(context.Graph, binding.Site)).Sum(static weight => weight.numel() * weight.element_size());
        return context.Graph.Model.parameters().Sum(static parameter => parameter.numel() * parameter.element_size()) - weights;
    }

    // Steps of progress are images that are estimated on and sites that are measured.
    private void Report(string? site)
    {
        var bindings = context.Attachment.Bindings;
        var passes = bindings.Select(static binding => binding.IsWeight).Distinct().Count();
        var count = (int)(passes * _imageCount) + (options.Method == SensitivityMethod.Measured ? bindings.Count : 0);
        TimeSpan? remaining = _done > 0 ? _clock.Elapsed / _done * (count - _done) : null;
        progress?.Report(new QuantizationProgress
        {
            Stage = StageName,
            StageIndex = 0,
            StageCount = 1,
            Unit = site,
            Share = count == 0 ? 0 : (double)_done / count,
            UnitIndex = _done++,
            UnitCount = count,
            Iteration = 0,
            Iterations = 0,
            Elapsed = _clock.Elapsed,
            Remaining = remaining,
        });
    }
}
