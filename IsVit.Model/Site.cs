namespace IsVit.Model;

/// <summary>One operand of one matrix product in a module graph: a tensor that can be quantized.</summary>
/// <param name="Path">The module's path from the root module, e.g. <c>blocks.0.attn.qkv</c>; empty for the root module itself.</param>
/// <param name="Operand">Which operand of the module.</param>
/// <param name="Role">The kind of tensor.</param>
/// <param name="Producer">The path of the LayerNorm, Softmax or GELU module that determines the role, if one was found.</param>
public sealed record Site(string Path, SiteOperand Operand, SiteRole Role, string? Producer = null)
{
    /// <summary>Path and operand, e.g. <c>blocks.0.attn.qkv:input</c>. Unique within a graph.</summary>
    public string Id => $"{Path}:{Operand.ToString().ToLowerInvariant()}";

    /// <inheritdoc/>
    public override string ToString() => $"{Id} ({Role})";
}
