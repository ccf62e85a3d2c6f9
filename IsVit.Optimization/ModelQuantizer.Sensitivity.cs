using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization;

public sealed partial class ModelQuantizer
{
    /// <summary>
    /// Determines how sensitive the model's outputs are to quantizing one of its sites, site by site and at several bit widths, with the quantizers that the recipe assigns to them. <see cref="BitAllocation"/> chooses
    /// bits from the result. The model is restored in every case.
    /// </summary>
    /// <param name="model">Any TorchSharp module graph whose modules are called through <c>call</c>.</param>
    /// <param name="images">Calibration images as the model takes them, [images, ...], on its device; not changed. Labels are not needed.</param>
    /// <param name="sensitivity">What to determine; null for the defaults.</param>
    /// <param name="run">Progress and options for tracing; the rest of it is not used.</param>
    /// <param name="cancellationToken">Stops it within one forward pass.</param>
    /// <exception cref="OptionsException">An option is out of range.</exception>
    /// <exception cref="QuantizationException">The graph or the images cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public SensitivityReport MeasureSensitivity(
        nn.Module<Tensor, Tensor> model, Tensor images, SensitivityOptions? sensitivity = null, QuantizationRun? run = null, CancellationToken cancellationToken = default)
    {
        using var samples = Samples(model, images);
        return MeasureSensitivity(ModelForward.Of(model), samples, sensitivity, run, cancellationToken);
    }

    /// <summary>Determines the sensitivities of a model of any inputs and outputs, in the same way as the other overload.</summary>
    /// <param name="model">Any TorchSharp module graph, together with how a batch is passed through it.</param>
    /// <param name="samples">Calibration samples as the model takes them, on its device; not changed. Labels are not needed.</param>
    /// <param name="sensitivity">What to determine; null for the defaults.</param>
    /// <param name="run">Progress and options for tracing; the rest of it is not used.</param>
    /// <param name="cancellationToken">Stops it within one forward pass.</param>
    /// <exception cref="OptionsException">An option is out of range.</exception>
    /// <exception cref="QuantizationException">The graph or the samples cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public SensitivityReport MeasureSensitivity(
        ModelForward model, InMemorySamples samples, SensitivityOptions? sensitivity = null, QuantizationRun? run = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        sensitivity ??= new SensitivityOptions();
        sensitivity.Validate();
        run ??= new QuantizationRun();
        using var differentiable = inference_mode(false);
        using var scope = NewDisposeScope();
        UnitEntrances? entrances = null;
        using var context = Prepare(
            model, samples, new QuantizationRun { Trace = run.Trace }, (site, spec) => Ladder(site, spec, sensitivity.Widths), graph => entrances = new UnitEntrances(graph), cancellationToken);
        GradientCheck.RequireOutputs(context, "The sensitivity of sites", "give all sites the same bits");
        var report = new SensitivityMeasurement(context, sensitivity, entrances!, run.Progress).Run();
        Log.SensitivityMeasured(_logger, report.Sites.Count, report.ImageCount, report.Duration);
        return report;
    }

    // What a run calibrates with is among the widths, for the reparameterization goes by it.
    private QuantizerLadder Ladder(Site site, QuantizerSpec spec, IEnumerable<int> widths) => new(
        SensitivityMeasurement.IsPinned(site, _options) ? [spec.Bits.Bits] : widths.Append(spec.Bits.Bits),
        spec.Bits.Bits,
        bits => _quantizers.Create(_options.SpecFor(site, _recipe.Schemes, bits)!, site.Role == SiteRole.Weight));
}
