using IsVit.Core.Graph;
using IsVit.Optimization;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Compensation;

public sealed class OutputMatchingStageTests
{
    private static readonly string[] s_quantize = [StageNames.ActivationCalibration, StageNames.WeightCalibration];

    [Fact]
    public void Run_OutputsOfOtherImages_AreNearerTheFloatModelsThanWithGptqAndCorrectedBiases()
    {
        static void W3A4(QuantizationOptions options) => (options.WeightBits, options.ActivationBits) = (3, 4);

        var compensated = Micro.OutputError([.. s_quantize, StageNames.WeightCompensation, StageNames.BiasCorrection], W3A4, imageCount: 200);
        var matched = Micro.OutputError([.. s_quantize, StageNames.OutputMatching], W3A4, imageCount: 200);

        Assert.True(matched < 0.9 * compensated, $"{matched} against {compensated}.");
    }

    /// <summary>Where a layer's inputs are another layer's wrong outputs, its weights undo what can be undone: here all of it, but for the rounding to 8 bits.</summary>
    [Fact]
    public void Run_EarlierLayerOffByALinearMap_IsUndoneByTheNext()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(6, 6)), ("second", nn.Linear(6, 4)));
        Micro.Enliven(model, 3);
        model.eval();
        var images = Seeded.Normal(7, 300, 6);
        var wanted = Micro.Call(model, images);
        var spoil = new ProbeStage("spoil", static context => ((Linear)context.Graph.Modules["first"]).weight!.detach().mul_(1.5));
        double Error(params string[] behind)
        {
            using var copy = nn.Sequential(("first", nn.Linear(6, 6)), ("second", nn.Linear(6, 4)));
            Micro.Enliven(copy, 3);
            copy.eval();
            using var quantized = Micro.Quantizer([.. s_quantize, "spoil", .. behind], [spoil], static options =>
            {
                (options.WeightBits, options.ActivationBits) = (8, 8);
                options.Overrides.Add(new SiteOverride { Pattern = "first", Quantize = false });
            }).Run(copy, images, new QuantizationRun { Trace = new TraceOptions { Units = ["first", "second"] } });
            return Micro.Distance(wanted, Micro.Call(copy, images));
        }

        Assert.True(Error() > 0.2);
        Assert.True(Error(StageNames.OutputMatching) < 0.03);
    }

    /// <summary>With fewer images than inputs a regression would hit its own images exactly and miss others; the ridge is chosen by images that were not fitted to.</summary>
    [Fact]
    public void Run_FewImages_LeavesOtherImagesNoWorseThanGptq()
    {
        static void W4A4(QuantizationOptions options) => (options.WeightBits, options.ActivationBits) = (4, 4);

        var compensated = Micro.OutputError([.. s_quantize, StageNames.WeightCompensation, StageNames.BiasCorrection], W4A4, imageCount: 16);
        var matched = Micro.OutputError([.. s_quantize, StageNames.OutputMatching], W4A4, imageCount: 16);

        Assert.True(matched < 1.1 * compensated, $"{matched} against {compensated}.");
    }
}
