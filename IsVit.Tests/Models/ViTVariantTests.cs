using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Tests.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Models;

public sealed class ViTVariantTests
{
    public static TheoryData<string> Names => ViTVariants.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Call_Variant_EqualsTheFormulasWrittenOut(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = ViTVariants.Create(name);
        model.to(float64);
        var images = Micro.Images(count: 3).to(float64);

        Assert.InRange(ModelFiles.MaxDifference(ViTVariants.Reference(model, images), model.call(images)), 0, 1e-12);
    }

    [Fact]
    public void StateDict_AllAtOnce_HasTimmsNamesAndShapes()
    {
        using var model = ViTVariants.Create("all at once");

        Dictionary<string, long[]> expected = new(StringComparer.Ordinal)
        {
            ["cls_token"] = [1, 1, 48], ["reg_token"] = [1, 4, 48], ["pos_embed"] = [1, 16, 48], ["patch_embed.proj.weight"] = [48, 3, 8, 8], ["patch_embed.proj.bias"] = [48],
            ["norm.weight"] = [48], ["norm.bias"] = [48], ["pre_logits.fc.weight"] = [24, 48], ["pre_logits.fc.bias"] = [24], ["head.weight"] = [10, 24], ["head.bias"] = [10],
        };
        for (var i = 0; i < 2; i++)
        {
            foreach (var (name, shape) in new (string, long[])[]
            {
                ("norm1.weight", [48]), ("norm1.bias", [48]), ("attn.qkv.weight", [144, 48]), ("attn.q_norm.weight", [12]), ("attn.q_norm.bias", [12]), ("attn.k_norm.weight", [12]),
                ("attn.k_norm.bias", [12]), ("attn.proj.weight", [48, 48]), ("ls1.gamma", [48]), ("norm2.weight", [48]), ("norm2.bias", [48]), ("mlp.fc1.weight", [96, 48]),
                ("mlp.fc2.weight", [48, 48]), ("ls2.gamma", [48]),
            })
            {
                expected.Add($"blocks.{i}.{name}", shape);
            }
        }

        var state = model.state_dict();
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), state.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected, entry => Assert.Equal(entry.Value, state[entry.Key].shape));
    }

    [Fact]
    public void Mlp_SwiGluOfOddWidth_IsRefused() =>
        Assert.Contains("even", Assert.Throws<ArgumentOutOfRangeException>(static () => new Mlp(8, 15, kind: MlpKind.SwiGlu)).Message, StringComparison.Ordinal);
}
