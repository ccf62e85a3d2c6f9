using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;
using IsVit.Quantizers.FreeLevels;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Calibration;

public sealed class WeightCalibrationStageTests
{
    [Fact]
    public void Run_EveryWeight_BecomesWhatItsOwnQuantizerMakesOfIt()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var before = Micro.Copy(model);

        using var quantized = Micro.Quantizer([StageNames.WeightCalibration], [], static options => options.WeightBits = 3).Run(model, Micro.Images());

        var weights = before.Where(static entry => entry.Key.EndsWith("weight", StringComparison.Ordinal) && !entry.Key.Contains("norm", StringComparison.Ordinal)).ToList();
        Assert.Equal(10, weights.Count);
        foreach (var (name, weight) in weights)
        {
            using var quantizer = new ChannelLevelsQuantizer(3, Granularity.Channel(0));
            quantizer.Calibrate(weight);
            TensorAssert.Identical(quantizer.FakeQuantize(weight), Micro.Copy(model)[name]);
        }

        Micro.AssertSame(
            before.Where(entry => weights.TrueForAll(weight => weight.Key != entry.Key)).ToDictionary(),
            Micro.Copy(model).Where(entry => weights.TrueForAll(weight => weight.Key != entry.Key)).ToDictionary());
    }
}
