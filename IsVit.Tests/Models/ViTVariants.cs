using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Tests.Optimization;
using static TorchSharp.torch;

namespace IsVit.Tests.Models;

/// <summary>The shapes of vision transformers that users bring, small, and what each computes written out with nothing but functions of torch.</summary>
internal static class ViTVariants
{
    private static readonly Dictionary<string, VisionTransformerOptions> s_options = new(StringComparer.Ordinal)
    {
        ["registers"] = Micro.Options with { RegisterTokenCount = 4, PatchPositionsOnly = true },
        ["registers with positions"] = Micro.Options with { RegisterTokenCount = 2 },
        ["DINOv2"] = Micro.Options with { RegisterTokenCount = 4, RegisterPositions = false, LayerScale = 0.7, Pooling = PoolingKind.ClassTokenAndAverage },
        ["registers, no class token"] = Micro.Options with { RegisterTokenCount = 3, HasClassToken = false, Pooling = PoolingKind.Average },
        ["q/k norm"] = Micro.Options with { QkNorm = true },
        ["SwiGLU"] = Micro.Options with { Mlp = MlpKind.SwiGlu, LayerScale = 0.7 },
        ["no biases"] = Micro.Options with { QkvBias = false, ProjectionBias = false },
        ["pre-logits"] = Micro.Options with { PreLogitsDim = 20 },
        ["average, then norm"] = Micro.Options with { Pooling = PoolingKind.Average },
        ["norm, then average"] = Micro.Options with { Pooling = PoolingKind.AverageOfNormalized, HasClassToken = false },
        ["all at once"] = Micro.Options with
        {
            RegisterTokenCount = 4, PatchPositionsOnly = true, QkNorm = true, Mlp = MlpKind.SwiGlu, QkvBias = false, ProjectionBias = false, LayerScale = 0.5,
            Pooling = PoolingKind.AverageOfNormalized, PreLogitsDim = 24,
        },
    };

    public static TheoryData<string> Names => new(s_options.Keys);

    public static VisionTransformer Create(string name) => Micro.Vit(options: s_options[name]);

    /// <summary>What the model is to give.</summary>
    public static Tensor Reference(VisionTransformer model, Tensor images)
    {
        var options = model.Options;
        var state = model.state_dict();
        Tensor? Find(string name) => state.GetValueOrDefault(name);
        Tensor Linear(string name, Tensor x) => nn.functional.linear(x, state[$"{name}.weight"], Find($"{name}.bias"));
        Tensor Norm(string name, Tensor x) => nn.functional.layer_norm(x, [x.shape[^1]], state[$"{name}.weight"], state[$"{name}.bias"], options.LayerNormEps);
        Tensor Scale(string name, Tensor x) => Find($"{name}.gamma") is { } gamma ? x * gamma : x;

        var batch = images.shape[0];
        var patches = nn.functional.conv2d(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], strides: [options.PatchSize, options.PatchSize]).flatten(2).transpose(1, 2);
        if (options.PatchPositionsOnly)
        {
            patches = patches + state["pos_embed"];
        }

        var withoutPositions = options.PatchPositionsOnly;
        Tensor[] prefix = [.. new[] { "cls_token", "reg_token" }.Select(Find).OfType<Tensor>().Select(token => token.expand(batch, -1, -1))];
        if (!options.RegisterPositions)
        {
            withoutPositions = true;
            prefix[0] = prefix[0] + state["pos_embed"].narrow(1, 0, 1);
            patches = patches + state["pos_embed"].narrow(1, 1, patches.shape[1]);
        }

        var x = cat([.. prefix, patches], 1);
        var first = x.shape[1] - patches.shape[1];
        if (!withoutPositions)
        {
            x = x + state["pos_embed"];
        }

        var heads = options.HeadCount;
        for (var i = 0; i < options.Depth; i++)
        {
            var block = $"blocks.{i}";
            var qkv = Linear($"{block}.attn.qkv", Norm($"{block}.norm1", x)).reshape(batch, x.shape[1], 3, heads, -1).permute(2, 0, 3, 1, 4);
            var (q, k, v) = (qkv[0], qkv[1], qkv[2]);
            if (options.QkNorm)
            {
                (q, k) = (Norm($"{block}.attn.q_norm", q), Norm($"{block}.attn.k_norm", k));
            }

            var attention = nn.functional.softmax(einsum("bhic,bhjc->bhij", q, k) / Math.Sqrt(q.shape[^1]), -1);
            x = x + Scale($"{block}.ls1", Linear($"{block}.attn.proj", einsum("bhij,bhjc->bihc", attention, v).flatten(2)));
            var hidden = Linear($"{block}.mlp.fc1", Norm($"{block}.norm2", x));
            var half = hidden.shape[^1] / 2;
            hidden = options.Mlp == MlpKind.SwiGlu
                ? hidden.narrow(-1, 0, half) * hidden.narrow(-1, 0, half).sigmoid() * hidden.narrow(-1, half, half)
                : nn.functional.gelu(hidden);
            x = x + Scale($"{block}.ls2", Linear($"{block}.mlp.fc2", hidden));
        }

        if (Find("norm.weight") is not null)
        {
            x = Norm("norm", x);
        }

        var average = x.narrow(1, first, x.shape[1] - first).mean([1L]);
        var pooled = options.Pooling switch
        {
            PoolingKind.ClassToken => x.select(1, 0),
            PoolingKind.ClassTokenAndAverage => cat([x.select(1, 0), average], 1),
            _ => average,
        };
        if (Find("fc_norm.weight") is not null)
        {
            pooled = Norm("fc_norm", pooled);
        }

        return Linear("head", options.PreLogitsDim is null ? pooled : Linear("pre_logits.fc", pooled).tanh());
    }
}
