using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Models;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Models;

/// <summary>Weights under the names of MMDetection's own Swin transformer.</summary>
public sealed class MmdetectionNamesTests
{
    [Fact]
    public void Load_LaterNames_FillsEveryParameter()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle("cascade_mask_rcnn");
        using var loaded = DetectorOracle.Options("cascade_mask_rcnn").Create();
        StateDict.Load(loaded, Renamed(oracle.Detector));
        var expected = oracle.Detector.state_dict();

        Assert.All(loaded.state_dict().Where(static entry => !IsMerging(entry.Key)), entry => TensorAssert.Identical(expected[entry.Key], entry.Value));
    }

    /// <summary>MMDetection merges patches by Unfold: what it would compute, the module computes.</summary>
    [Fact]
    public void Load_LaterNames_MergesPatchesAsUnfoldOrdersThem()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var oracle = new DetectorOracle("mask_rcnn");
        using var loaded = DetectorOracle.Options("mask_rcnn").Create();
        var renamed = Renamed(oracle.Detector);
        StateDict.Load(loaded, renamed);
        loaded.eval();

        var x = Seeded.Normal(1, 2, 6, 8, 12);
        var squares = torch.nn.functional.unfold(x.permute(0, 3, 1, 2), (2, 2), null, null, (2, 2)).transpose(1, 2);
        const string Downsample = "backbone.stages.0.downsample.";
        var normal = torch.nn.functional.layer_norm(squares, [48], renamed[$"{Downsample}norm.weight"], renamed[$"{Downsample}norm.bias"]);
        var expected = torch.nn.functional.linear(normal, renamed[$"{Downsample}reduction.weight"]);

        TensorAssert.Close(expected.view(2, 3, 4, 24), loaded.Backbone.Layers[0].Downsample!.call(x), new(1e-4, 1e-5));
    }

    [Fact]
    public void Load_UnknownName_IsRefused()
    {
        using var scope = torch.NewDisposeScope();
        using var oracle = new DetectorOracle("mask_rcnn");
        var renamed = Renamed(oracle.Detector);
        renamed["backbone.stages.0.blocks.0.ffn.layers.2.weight"] = torch.zeros(1);

        Assert.Contains("backbone.layers.0.blocks.0.ffn.layers.2.weight", Assert.Throws<StateDictException>(() => StateDict.Load(oracle.Detector, renamed)).Message, StringComparison.Ordinal);
    }

    private static bool IsMerging(string name) => name.Contains(".downsample.", StringComparison.Ordinal);

    private static Dictionary<string, torch.Tensor> Renamed(Detector detector)
    {
        var renamed = detector.state_dict().ToDictionary(
            static entry => entry.Key.StartsWith("backbone.", StringComparison.Ordinal)
                ? entry.Key.Replace("layers.", "stages.", StringComparison.Ordinal).Replace("patch_embed.proj.", "patch_embed.projection.", StringComparison.Ordinal)
                    .Replace(".attn.", ".attn.w_msa.", StringComparison.Ordinal).Replace(".mlp.fc1.", ".ffn.layers.0.0.", StringComparison.Ordinal).Replace(".mlp.fc2.", ".ffn.layers.1.", StringComparison.Ordinal)
                : entry.Key,
            static entry => entry.Value,
            StringComparer.Ordinal);
        renamed["backbone.stages.0.blocks.0.attn.w_msa.relative_position_index"] = torch.zeros([49, 49], torch.int64);
        renamed["data_preprocessor.mean"] = torch.zeros(3, 1, 1);
        return renamed;
    }
}
