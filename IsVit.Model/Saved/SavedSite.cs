namespace IsVit.Model.Saved;

/// <summary>A quantized site of a saved model.</summary>
/// <param name="Site">The site.</param>
/// <param name="Quantizer">The index of its quantizer in <see cref="SavedModel.Quantizers"/>; sites that read the same LayerNorm's output may share one.</param>
/// <param name="Shape">A weight's shape; null for an activation.</param>
public sealed record SavedSite(Site Site, int Quantizer, IReadOnlyList<long>? Shape = null)
{
    /// <summary>Whether it is a weight, whose codes are stored in the model.</summary>
    public bool IsWeight => Site.Operand == SiteOperand.Weight;

    /// <summary>The name of the weight in the model, e.g. <c>blocks.0.attn.qkv.weight</c>.</summary>
    public string WeightName => Site.Path.Length == 0 ? "weight" : $"{Site.Path}.weight";
}
