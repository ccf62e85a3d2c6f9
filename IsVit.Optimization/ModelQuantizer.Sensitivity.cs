using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization;

public sealed partial class ModelQuantizer
{
    /// <summary>
    /// Finds out how much the model's outputs mind that one of its sites is quantized, site by site and at several bit widths, with the quantizers that the recipe gives them. <see cref="BitAllocation"/> chooses
    /// bits by it. The model is left as it was, whatever happens.
    /// </summary>
    /// <param name="model">Any TorchSharp module graph whose modules are called through <c>call</c>.</param>
    /// <param name="images">Calibration images as the model takes them, [images, ...], on its device; unchanged. Labels are not needed.</param>
    /// <param name="sensitivity">What to find out; null for the defaults.</param>
    /// <param name="run">Progress, and what tracing is told; nothing else of it is used.</param>
    /// <param name="cancellationToken">Stops it within one forward.</param>
    /// <exception cref="OptionsException">An option is out of range.</exception>
    /// <exception cref="QuantizationException">The graph or the images cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public SensitivityReport MeasureSensitivity(
        nn.Module<Tensor, Tensor> model, Tensor images, SensitivityOptions? sensitivity = null, QuantizationRun? run = null, CancellationToken cancellationToken = default)
    {
        sensitivity ??= new SensitivityOptions();
        sensitivity.Validate();
        RequireImages(model, images);
        cancellationToken.ThrowIfCancellationRequested();
        run ??= new QuantizationRun();
        using var differentiable = inference_mode(false);
        using var evaluation = new EvaluationScope(model);
        using var scope = NewDisposeScope();
        var batches = CalibrationBatches.Split(images, _options.Reconstruction.BatchSize);
        CalibrationBatches.RequireFinite(batches);
        var graph = ModuleGraph.Trace(model, images.narrow(0, 0, 1), run.Trace);
        RequireOverridesToFit(graph);
        using var floatParameters = new ParameterSnapshot(model);
        using var entrances = new UnitEntrances(graph);
        try
        {
            using var attachment = GraphAttachment.Attach(graph, ChooseQuantizers(graph, _recipe, (site, spec) => Ladder(site, spec, sensitivity.Widths)));
            using var context = new QuantizationContext(
                attachment, floatParameters, batches, _options, _recipe, _quantizers, _loss, _logger, new ProgressReporter(null), checkpoint: null, cancellationToken);
            var preparations = _stages.TakeWhile(static stage => stage.Name is not (StageNames.ActivationCalibration or StageNames.WeightCalibration)).ToList();
            GradientCheck.RequireOutputs(context, "The sensitivity of sites", "give all sites the same bits");
            preparations.ForEach(stage => stage.Check(context));
            var report = new SensitivityMeasurement(context, sensitivity, entrances, run.Progress).Run(preparations, _stages.FirstOrDefault(static stage => stage.Name == StageNames.Reparameterization));
            Log.SensitivityMeasured(_logger, report.Sites.Count, report.ImageCount, report.Duration);
            return report;
        }
        finally
        {
            floatParameters.Restore();
        }
    }

    // What a run calibrates with is among the widths, for the reparameterization goes by it.
    private QuantizerLadder Ladder(Site site, QuantizerSpec spec, IEnumerable<int> widths) => new(
        SensitivityMeasurement.IsPinned(site, _options) ? [spec.Bits.Bits] : widths.Append(spec.Bits.Bits),
        spec.Bits.Bits,
        bits => _quantizers.Create(_options.SpecFor(site, _recipe, bits)!, site.Role == SiteRole.Weight));
}
