using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization.Drift;
using IsVit.Optimization.Effort;
using static TorchSharp.torch;

namespace IsVit.Optimization;

public sealed partial class ModelQuantizer
{
    /// <summary>
    /// Estimates how long <see cref="Quantize(nn.Module{Tensor, Tensor}, Tensor, QuantizationRun?, CancellationToken)"/> will take, from the current duration of a few passes of a few images on this machine.
    /// Scores are not included, nor are stages that do not report their cost.
    /// </summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="images">Calibration images as the model takes them, [images, ...], on its device; not changed.</param>
    /// <exception cref="QuantizationException">There are no images.</exception>
    public DurationEstimate EstimateDuration(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        using var samples = Samples(model, images);
        return EstimateDuration(ModelForward.Of(model), samples);
    }

    /// <summary>Estimates how long a run with a model of any inputs and outputs will take, in the same way as the other overload.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="samples">Calibration samples as the model takes them, on its device; not changed.</param>
    public DurationEstimate EstimateDuration(ModelForward model, InMemorySamples samples)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        var times = PassTimes.Measure(model, samples.Batches[0]);
        var count = samples.Count;
        var work = StatisticsRun.WorkFor(Math.Min(count, _options.Calibration.StatisticsImageCount));
        foreach (var stage in _recipe.Stages)
        {
            work += stage.WorkFor(_options, _recipe, count);
        }

        if (work.StepsPerUnit > 0)
        {
            work = work.For(Trace(model, samples.Batches[0], new TraceOptions()).Units.Count);
        }

        return new DurationEstimate((times.Forward * work.Forwards) + (times.Step * work.Steps), times.Forward);
    }
}
