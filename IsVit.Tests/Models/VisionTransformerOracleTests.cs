using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Models;

public sealed class VisionTransformerOracleTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("vit_micro.safetensors")]
    [InlineData("deit_distilled_micro.safetensors")]
    public void Call_OracleWeights_GivesTheOraclesLogits(string name)
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = SafetensorsFile.Open(SharedData.Oracle(name));
        using var model = ModelFiles.LoadMicro(oracle);
        using var noGrad = torch.no_grad();

        var difference = ModelFiles.MaxDifference(oracle.Read("logits"), model.call(oracle.Read("input")));

        output.WriteLine($"largest difference of a logit: {difference:g3}");
        Assert.InRange(difference, 0, 1e-4);
    }

    [Fact]
    public void Call_DeitTinyWeights_GivesTheOraclesLogits()
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = SafetensorsFile.Open(SharedData.Oracle("deit_tiny_first8.safetensors"));
        using var model = ModelCatalog.Create("deit_tiny_patch16_224");
        StateDict.Load(model, SharedData.Weights);
        model.eval();
        using var noGrad = torch.no_grad();

        var expected = oracle.Read("logits").narrow(0, 0, 2);
        var logits = model.call(oracle.Read("preprocessed_first2"));

        var difference = ModelFiles.MaxDifference(expected, logits);
        output.WriteLine($"largest difference of a logit: {difference:g3}");
        Assert.InRange(difference, 0, 1e-3);
        Assert.Equal(expected.argmax(1).data<long>().ToArray(), logits.argmax(1).data<long>().ToArray());
    }
}
