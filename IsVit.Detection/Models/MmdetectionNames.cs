using TorchSharp;

namespace IsVit.Detection.Models;

/// <summary>Names of parameters in MMDetection's own Swin transformer (2.12 and later, 3.x), which differ from those of the Swin authors' fork in the backbone alone.</summary>
internal static class MmdetectionNames
{
    /// <summary>The name in the authors' fork; null for what is no parameter.</summary>
    public static string? Translate(string name)
    {
        if (name.EndsWith(".relative_position_index", StringComparison.Ordinal) || name.EndsWith(".attn_mask", StringComparison.Ordinal) || name.StartsWith("data_preprocessor.", StringComparison.Ordinal))
        {
            return null;
        }

        return !name.StartsWith("backbone.", StringComparison.Ordinal) ? name : name
            .Replace("backbone.stages.", "backbone.layers.", StringComparison.Ordinal)
            .Replace("backbone.patch_embed.projection.", "backbone.patch_embed.proj.", StringComparison.Ordinal)
            .Replace(".attn.w_msa.", ".attn.", StringComparison.Ordinal)
            .Replace(".ffn.layers.0.0.", ".mlp.fc1.", StringComparison.Ordinal)
            .Replace(".ffn.layers.1.", ".mlp.fc2.", StringComparison.Ordinal);
    }

    /// <summary>Puts what patch merging reads into the fork's order. MMDetection takes the four tokens of a square by <c>Unfold</c>: channel by channel, each row by row; the fork token by token, each column by column.</summary>
    public static void Reorder(string name, torch.Tensor loaded)
    {
        if (name.Split('.') is ["backbone", "stages", _, "downsample", "norm" or "reduction", _])
        {
            using var scope = torch.NewDisposeScope();
            var width = loaded.shape[^1];
            var places = loaded.reshape(-1, width / 4, 4).index_select(2, torch.tensor(new long[] { 0, 2, 1, 3 }, device: loaded.device));
            loaded.copy_(places.transpose(1, 2).reshape(loaded.shape));
        }
    }
}
