using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using IsVit.Model.Files;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Models.WeightFiles;

public sealed class StateDictTests
{
    private static readonly VisionTransformerOptions Micro = new()
    {
        ImageSize = 8, PatchSize = 4, EmbedDim = 12, Depth = 2, HeadCount = 3, ClassCount = 5,
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Load_SavedModel_GivesTheSameWeights(bool safetensors)
    {
        using var folder = new TemporaryFolder();
        using var saved = new VisionTransformer(Micro);
        using var loaded = new VisionTransformer(Micro);
        if (safetensors)
        {
            StateDict.Save(saved, folder["x"]);
        }
        else
        {
            saved.save(folder["x"]);
        }

        var report = StateDict.Load(loaded, folder["x"]);

        AssertEqual(saved, loaded);
        Assert.Equal(saved.state_dict().Keys.Order(), report.Loaded.Order());
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
    }

    [Fact]
    public void Load_FromTensors_GivesTheSameWeights()
    {
        using var saved = new VisionTransformer(Micro);
        using var loaded = new VisionTransformer(Micro);

        StateDict.Load(loaded, saved.state_dict());

        AssertEqual(saved, loaded);
        Assert.All(loaded.parameters(), p => Assert.True(p.requires_grad && p.is_leaf));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Load_WhatDoesNotFit_ReportsAllAtOnceAndChangesNothing(bool fromFile)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = new VisionTransformer(Micro);
        using var other = new VisionTransformer(Micro with { ImageSize = 12, ClassCount = 7 });
        var before = model.state_dict().ToDictionary(t => t.Key, t => t.Value.clone());
        var tensors = other.state_dict();
        tensors.Remove("norm.bias");
        tensors.Remove("blocks.1.attn.qkv.weight");
        tensors["extra"] = ones(1);
        tensors["another"] = ones(1);
        tensors["cls_token"] = ones([1, 1, 12], int32);

        StateDictException error;
        if (fromFile)
        {
            SafetensorsFile.Write(folder["x"], tensors);
            error = Assert.Throws<StateDictException>(() => StateDict.Load(model, folder["x"]));
            Assert.StartsWith(folder["x"], error.Message, StringComparison.Ordinal);
        }
        else
        {
            error = Assert.Throws<StateDictException>(() => StateDict.Load(model, tensors));
        }

        Assert.Equal(["blocks.1.attn.qkv.weight", "norm.bias"], error.Missing.Order(StringComparer.Ordinal));
        Assert.Equal(["another", "extra"], error.Unexpected);
        Assert.Equal(
            [
                "cls_token (expected F32 [1, 1, 12], found I32 [1, 1, 12])",
                "head.bias (expected F32 [5], found F32 [7])",
                "head.weight (expected F32 [5, 12], found F32 [7, 12])",
                "pos_embed (expected F32 [1, 5, 12], found F32 [1, 10, 12])",
            ],
            error.Mismatched.Select(m => m.ToString()).Order(StringComparer.Ordinal));
        Assert.All([.. error.Missing, .. error.Unexpected, .. error.Mismatched.Select(m => m.ToString()).Take(3)], n => Assert.Contains(n, error.Message, StringComparison.Ordinal));
        Assert.Contains("2 missing: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(" and 1 more.", error.Message, StringComparison.Ordinal);
        Assert.All(model.state_dict(), t => Assert.True(t.Value.Equals(before[t.Key])));
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void Load_OtherFloatType_ConvertsToTheModulesType(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var saved = new VisionTransformer(Micro);
        using var loaded = new VisionTransformer(Micro);
        saved.to(type);
        StateDict.Save(saved, folder["x"]);

        StateDict.Load(loaded, folder["x"]);

        Assert.All(loaded.parameters(), p => Assert.Equal(float32, p.dtype));
        saved.to(float32);
        AssertEqual(saved, loaded);
    }

    [Fact]
    public void Load_OtherFloatTypeWithoutConversion_DoesNotFit()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Linear(2, 2, hasBias: false);
        var tensors = new Dictionary<string, Tensor> { ["weight"] = ones([2, 2], float64) };

        var error = Assert.Throws<StateDictException>(() => StateDict.Load(model, tensors, new StateDictLoadOptions { ConvertTypes = false }));

        Assert.Equal("weight (expected F32 [2, 2], found F64 [2, 2])", error.Mismatched.Single().ToString());
    }

    [Fact]
    public void Load_NotStrict_LoadsWhatBothHave()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Linear(2, 2);
        var tensors = new Dictionary<string, Tensor> { ["weight"] = full([2, 2], 3f), ["extra"] = ones(1) };

        var report = StateDict.Load(model, tensors, new StateDictLoadOptions { Strict = false });

        Assert.Equal(["weight"], report.Loaded);
        Assert.Equal(["bias"], report.Missing);
        Assert.Equal(["extra"], report.Unexpected);
        Assert.Equal(12f, model.weight.sum().item<float>());
    }

    [Fact]
    public void Load_NotStrict_StillRefusesAnotherShape()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Linear(2, 2);
        var tensors = new Dictionary<string, Tensor> { ["weight"] = ones(2, 3) };

        Assert.Throws<StateDictException>(() => StateDict.Load(model, tensors, new StateDictLoadOptions { Strict = false }));
    }

    [Fact]
    public void Load_PrefixAndSkip_MatchTheRest()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Linear(2, 2);
        var tensors = new Dictionary<string, Tensor> { ["module.weight"] = full([2, 2], 3f), ["module.bias"] = ones(9), ["optimizer"] = ones(1) };

        var report = StateDict.Load(model, tensors, new StateDictLoadOptions { Prefix = "module.", Skip = name => name == "bias" });

        Assert.Equal(["weight"], report.Loaded);
        Assert.Equal(12f, model.weight.sum().item<float>());
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("_orig_mod.module.")]
    [InlineData("model.backbone.")]
    public void Load_CustomaryPrefixOfAllNames_IsFoundAndReported(string prefix)
    {
        using var scope = NewDisposeScope();
        using var model = nn.Linear(2, 2);
        var tensors = new Dictionary<string, Tensor> { [prefix + "weight"] = full([2, 2], 3f), [prefix + "bias"] = ones(2) };

        var report = StateDict.Load(model, tensors);

        Assert.Equal(prefix, report.Prefix);
        Assert.Equal(12f, model.weight.sum().item<float>());
    }

    [Fact]
    public void Load_CustomaryPrefixOfSomeNames_IsNotGuessed()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Linear(2, 2);
        var tensors = new Dictionary<string, Tensor> { ["backbone.weight"] = full([2, 2], 3f), ["backbone.bias"] = ones(2), ["head.weight"] = ones(1) };

        var error = Assert.Throws<StateDictException>(() => StateDict.Load(model, tensors));

        Assert.Equal(["backbone.bias", "backbone.weight", "head.weight"], error.Unexpected);
        Assert.Equal(2, StateDict.Load(model, tensors, new StateDictLoadOptions { Prefix = "backbone." }).Loaded.Count);
    }

    [Fact]
    public void Load_TypeWithoutTorchTensors_NamesItAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = nn.Linear(1, 1);
        var before = model.weight.item<float>();
        var path = folder.Safetensors("""{"weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"bias":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[4,5]}}""", 5);

        var error = Assert.Throws<WeightFileException>(() => StateDict.Load(model, path));

        Assert.Equal("bias", error.TensorName);
        Assert.Equal(before, model.weight.item<float>());
    }

    [Fact]
    public void Load_BrokenZip_SaysThatItWasCutOff()
    {
        using var folder = new TemporaryFolder();
        using var model = nn.Linear(1, 1);
        var path = folder.File("model.pth", "PK\x03\x04 and more"u8);

        Assert.Contains("the file was cut off", Assert.Throws<WeightFileException>(() => StateDict.Load(model, path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LoadAndSave_AnyModel_LeaveNoTensorsBehind()
    {
        using var folder = new TemporaryFolder();
        using var model = new VisionTransformer(Micro);
        StateDict.Save(model, folder["x"]);
        model.to(float64);

        LiveTensors.AssertNoneLeftBy(() =>
        {
            StateDict.Load(model, folder["x"]);
            StateDict.Save(model, folder["y"]);
        });
    }

    private static void AssertEqual(nn.Module expected, nn.Module actual)
    {
        var state = actual.state_dict();
        Assert.Equal(expected.state_dict().Keys.Order(), state.Keys.Order());
        Assert.All(expected.state_dict(), t => Assert.True(t.Value.Equals(state[t.Key]), t.Key));
    }
}
