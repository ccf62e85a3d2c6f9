using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>Attention heads that one fused query, key and value projection gives, as timm lays them out: queries, keys, values, each head after head.</summary>
internal static class FusedHeads
{
    /// <summary>A projection's output to the operands of attention's products.</summary>
    /// <param name="projected">[batch, tokens, 3 x heads x head width].</param>
    /// <param name="headCount">The number of heads.</param>
    /// <param name="scale">What the queries are multiplied with.</param>
    /// <param name="queryNorm">Normalizes the queries of each head; null to leave them.</param>
    /// <param name="keyNorm">Normalizes the keys of each head; null to leave them.</param>
    /// <returns>Queries and values [batch, heads, tokens, head width], keys [batch, heads, head width, tokens].</returns>
    public static (torch.Tensor Query, torch.Tensor Key, torch.Tensor Value) Split(
        torch.Tensor projected, int headCount, double scale, LayerNorm? queryNorm = null, LayerNorm? keyNorm = null)
    {
        var (batch, tokens, width) = (projected.shape[0], projected.shape[1], projected.shape[2] / 3 / headCount);

        // One contiguous copy of all three here spares the products one copy each; unbound together, they bring one gradient back instead of three that are added.
        var parts = projected.reshape(batch, tokens, 3, headCount, width)
            .permute(2, 0, 3, 1, 4)
            .contiguous()
            .unbind(0); // three times [batch, heads, tokens, head width]
        var (query, key) = (parts[0], parts[1]);
        query = queryNorm?.call(query) ?? query;
        key = keyNorm?.call(key) ?? key;
        return (query.Times(scale), key.transpose(-2, -1), parts[2]);
    }

    /// <summary>What attention gives, the heads beside each other again.</summary>
    /// <param name="mixed">[batch, heads, tokens, head width].</param>
    /// <returns>[batch, tokens, heads x head width].</returns>
    public static torch.Tensor Join(torch.Tensor mixed) => mixed.transpose(1, 2).flatten(2);

    /// <summary>Where the heads lie, for a graph that holds the projection as <c>qkv</c> and the layer behind attention as <c>proj</c>.</summary>
    /// <param name="qkv">The projection.</param>
    /// <param name="headCount">The number of heads.</param>
    /// <param name="path">The path of the module that holds both, or a pattern that fits it and others that are alike.</param>
    public static AttentionDeclaration Declare(Linear qkv, int headCount, string path)
    {
        var width = (int)(qkv.weight.shape[0] / 3 / headCount);
        return new AttentionDeclaration(headCount)
        {
            Query = new($"{path}.qkv", width),
            Key = new($"{path}.qkv", width, headCount * width),
            Value = new($"{path}.qkv", width, 2 * headCount * width),
            Output = $"{path}.proj",
        };
    }
}
