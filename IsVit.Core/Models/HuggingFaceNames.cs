using System.Globalization;
using IsVit.Core.Models.WeightFiles;

namespace IsVit.Core.Models;

/// <summary>
/// The names that the <c>transformers</c> package of Hugging Face gives the tensors of ViT, DeiT, DINOv2 (<c>vit.encoder.layer.0.attention.attention.query.weight</c>) and Swin
/// (<c>swin.encoder.layers.0.blocks.0.attention.self.query.weight</c>): queries, keys and values are three layers, and patch merging stands at the end of a layer.
/// </summary>
internal static class HuggingFaceNames
{
    private const string Patches = "embeddings.patch_embeddings.projection.weight";

    // Of models with a head; those without have no prefix.
    private static readonly string[] Prefixes = ["vit.", "deit.", "dinov2.", "dinov2_with_registers.", "swin.", ""];

    /// <summary>Whether names are of this kind.</summary>
    /// <param name="names">All names of a source.</param>
    public static bool AreUsed(IReadOnlySet<string> names) => Prefixes.Any(prefix => names.Contains(prefix + Patches));

    /// <summary>Where a tensor belongs in a <see cref="VisionTransformer"/>.</summary>
    /// <param name="name">The name.</param>
    /// <param name="names">All names.</param>
    /// <returns>Null for what the model does not need: the mask token, and the pooling layer that Hugging Face adds to models without a head.</returns>
    public static TensorPlace? OfVisionTransformer(string name, IReadOnlySet<string> names) => Split(name, names) switch
    {
        ["embeddings", "cls_token"] => new("cls_token"),
        // Without a head of its own the token is one more of those that only take part.
        ["embeddings", "distillation_token"] => new(names.Contains("distillation_classifier.weight") ? "dist_token" : "reg_token"),
        ["embeddings", "register_tokens"] => new("reg_token"),
        ["embeddings", "position_embeddings"] => new("pos_embed"),
        ["embeddings", "mask_token"] or ["pooler", ..] => null,
        ["embeddings", "patch_embeddings", "projection", var kind] => new($"patch_embed.proj.{kind}"),
        ["encoder", "layer", var block, .. var rest] when Block(rest) is { } place => place with { Name = $"blocks.{block}.{place.Name}" },
        ["layernorm", var kind] => new($"norm.{kind}"),
        ["classifier" or "cls_classifier", var kind] => new($"head.{kind}"),
        ["distillation_classifier", var kind] => new($"head_dist.{kind}"),
        _ => new(name),
    };

    /// <summary>Where a tensor belongs in a <see cref="SwinTransformer"/>.</summary>
    /// <param name="name">The name.</param>
    /// <param name="names">All names.</param>
    /// <returns>Null for what the model does not need.</returns>
    public static TensorPlace? OfSwin(string name, IReadOnlySet<string> names) => Split(name, names) switch
    {
        ["embeddings", "patch_embeddings", "projection", var kind] => new($"patch_embed.proj.{kind}"),
        ["embeddings", "norm", var kind] => new($"patch_embed.norm.{kind}"),
        ["embeddings", "mask_token"] or [.., "relative_position_index"] => null,
        ["encoder", "layers", var layer, "blocks", var block, "attention", "self", "relative_position_bias_table"] => new($"layers.{layer}.blocks.{block}.attn.relative_position_bias_table"),
        ["encoder", "layers", var layer, "blocks", var block, .. var rest] when Block(rest) is { } place => place with { Name = $"layers.{layer}.blocks.{block}.{place.Name}" },
        ["encoder", "layers", var layer, "downsample", .. var rest] when int.TryParse(layer, NumberStyles.None, CultureInfo.InvariantCulture, out var number) =>
            new(string.Create(CultureInfo.InvariantCulture, $"layers.{number + 1}.downsample.{string.Join('.', rest)}")),
        ["layernorm", var kind] => new($"norm.{kind}"),
        ["classifier", var kind] => new($"head.fc.{kind}"),
        _ => new(name),
    };

    private static TensorPlace? Block(string[] rest) => rest switch
    {
        ["attention", "attention" or "self", "query", var kind] => new($"attn.qkv.{kind}", 0, 3),
        ["attention", "attention" or "self", "key", var kind] => new($"attn.qkv.{kind}", 1, 3),
        ["attention", "attention" or "self", "value", var kind] => new($"attn.qkv.{kind}", 2, 3),
        ["attention", "output", "dense", var kind] => new($"attn.proj.{kind}"),
        ["layernorm_before" or "norm1", var kind] => new($"norm1.{kind}"),
        ["layernorm_after" or "norm2", var kind] => new($"norm2.{kind}"),
        ["intermediate", "dense", var kind] => new($"mlp.fc1.{kind}"),
        ["mlp", "fc1" or "weights_in", var kind] => new($"mlp.fc1.{kind}"),
        ["output", "dense", var kind] => new($"mlp.fc2.{kind}"),
        ["mlp", "fc2" or "weights_out", var kind] => new($"mlp.fc2.{kind}"),
        ["layer_scale1", "lambda1"] => new("ls1.gamma"),
        ["layer_scale2", "lambda1"] => new("ls2.gamma"),
        _ => null,
    };

    // A name's parts without the prefix that all but the heads' have.
    private static string[] Split(string name, IReadOnlySet<string> names)
    {
        var prefix = Prefixes.First(candidate => names.Contains(candidate + Patches));
        return (name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name).Split('.');
    }
}
