using IsVit.Model.Quantization;
using IsVit.Optimization.Drift;
using IsVit.Optimization.Effort;
using static TorchSharp.torch;

namespace IsVit.Optimization;

public sealed partial class ModelQuantizer
{
    /// <summary>Says about how long <see cref="Quantize"/> will take, from the time that two passes of a few images take on this machine now. Scores are not counted, nor stages that do not say what they cost.</summary>
    /// <param name="model">The model; it stays as it is.</param>
    /// <param name="images">Calibration images as the model takes them, [images, ...], on its device; unchanged.</param>
    /// <exception cref="QuantizationException">There are no images.</exception>
    public DurationEstimate EstimateDuration(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        RequireImages(model, images);
        var times = PassTimes.Measure(model, images);
        var count = images.shape[0];
        var work = StatisticsRun.WorkFor(Math.Min(count, _options.Calibration.StatisticsImageCount));
        foreach (var stage in _stages)
        {
            work += stage.WorkFor(_options, _recipe, count);
        }

        return new DurationEstimate((times.Forward * work.Forwards) + (times.Step * work.Steps), times.Forward);
    }
}
