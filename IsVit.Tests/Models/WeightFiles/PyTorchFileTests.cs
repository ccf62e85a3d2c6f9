using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Models.WeightFiles.PyTorch;
using IsVit.Model.Architectures;
using IsVit.Model.Files;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Models.WeightFiles;

public sealed class PyTorchFileTests
{
    private static readonly VisionTransformerOptions Distilled = new() { ImageSize = 32, PatchSize = 8, EmbedDim = 48, Depth = 2, HeadCount = 4, ClassCount = 7, Distilled = true };

    [Theory]
    [InlineData("state_dict_zip.pth", null, "", "logits")]
    [InlineData("state_dict_legacy.pth", null, "", "logits")]
    [InlineData("checkpoint_model_optimizer.pth", "model", "", "logits")]
    [InlineData("checkpoint_state_dict_module.pth", "state_dict", "module.", "logits")]
    [InlineData("checkpoint_namespace.pth", "model", "", "logits")]
    [InlineData("state_dict_half.pth", null, "", "logits_half_weights")]
    public void Load_Checkpoint_GivesTheOraclesLogits(string name, string? section, string prefix, string expected)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = SafetensorsFile.Open(SharedData.Formats("pth", "expected.safetensors"));
        using var file = WeightFile.Open(SharedData.Formats("pth", name));
        using var model = Distilled.Create();

        var report = StateDict.Load(model, file);
        model.eval();

        Assert.Equal(section, file.Metadata.GetValueOrDefault("state dict under"));
        Assert.Equal(prefix, report.Prefix);
        Assert.InRange(ModelFiles.MaxDifference(oracle.Read(expected), model.call(oracle.Read("input"))), 0, 2e-5);
    }

    [Theory]
    [InlineData("tensors_zip.pth")]
    [InlineData("tensors_zip_newer.pth")]
    [InlineData("tensors_zip_protocol4.pth")]
    [InlineData("tensors_legacy.pth")]
    [InlineData("tensors_legacy_protocol3.pth")]
    public void Read_EveryKindOfTensor_IsTheOracles(string name)
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = SafetensorsFile.Open(SharedData.Formats("pth", "tensors_expected.safetensors"));
        using var file = WeightFile.Open(SharedData.Formats("pth", name));

        Assert.Equal(oracle.Tensors.Keys.Order(StringComparer.Ordinal), file.Tensors.Keys.Order(StringComparer.Ordinal));
        foreach (var tensor in oracle.Tensors.Keys)
        {
            var read = file.Read(tensor);
            Assert.Equal(tensor == "bfloat16" ? "BF16" : oracle.Tensors[tensor].ElementType, file.Tensors[tensor].ElementType);
            Assert.True(oracle.Read(tensor).Equals(tensor == "bfloat16" ? read.to(torch.float32) : read), tensor);
            var into = torch.zeros(read.shape, read.dtype);
            file.ReadInto(tensor, into);
            Assert.True(read.Equals(into), tensor);
        }
    }

    [Theory]
    [InlineData("values_plain_zip.pth")]
    [InlineData("values_zip.pth")]
    [InlineData("values_legacy.pth")]
    public void Open_ValuesWithoutStateDict_SaysWhatThereIs(string name)
    {
        var path = SharedData.Formats("pth", name);

        var error = Assert.Throws<WeightFileException>(() => WeightFile.Open(path));

        Assert.Contains("expected a state dict", error.Message, StringComparison.Ordinal);
        Assert.Contains("found a dictionary of 'a', 'n'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Content_PlainValues_AreRead()
    {
        using var file = MappedFile.Open(SharedData.Formats("pth", "values_plain_zip.pth"));

        var root = Assert.IsType<PickleDictionary>(TorchContent.OfArchive(file).Root);

        Assert.Null(root.Find("n"));
        Assert.Equal(true, root.Find("t"));
        Assert.Equal(1.5, root.Find("f"));
        Assert.Equal((System.Numerics.BigInteger)(-3), root.Find("i"));
        Assert.Equal((System.Numerics.BigInteger)(1L << 40), root.Find("big"));
        Assert.Equal(System.Numerics.BigInteger.Pow(2, 70), root.Find("huge"));
        Assert.Equal("text ü", root.Find("s"));
        Assert.Equal("bytes"u8.ToArray(), root.Find("b"));
        Assert.Empty(Assert.IsType<List<object?>>(root.Find("e")));
        Assert.Equal(4, Assert.IsType<object?[]>(root.Find("four")).Length);
        Assert.Equal(["z", "y"], Assert.IsType<PickleDictionary>(root.Find("od")).Items.Select(static item => item.Key));
    }

    [Fact]
    public void LoadFromPyTorch_LeavesNoTensorsBehind()
    {
        var path = SharedData.Formats("pth", "state_dict_zip.pth");
        var tensors = SharedData.Formats("pth", "tensors_zip.pth");
        using var model = Distilled.Create();

        LiveTensors.AssertNoneLeftBy(() =>
        {
            StateDict.Load(model, path);
            using var file = WeightFile.Open(tensors);
            file.Read("transposed").Dispose();
        });
    }
}
