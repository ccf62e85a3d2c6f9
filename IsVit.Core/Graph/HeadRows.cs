namespace IsVit.Core.Graph;

/// <summary>Which outputs of a linear layer are one operand of attention: its queries, its keys or its values.</summary>
/// <param name="Layer">
/// The layer's path. Of the layer that an <see cref="AttentionDeclaration"/> names first it is a <see cref="PathPattern"/>; wildcards of the others stand for what that pattern's
/// wildcards matched, in order.
/// </param>
/// <param name="Width">The outputs of one head.</param>
/// <param name="Start">The first output of the first head.</param>
/// <param name="Stride">From one head's first output to the next head's; null where they follow each other, which is <paramref name="Width"/>.</param>
/// <remarks>
/// timm's fused <c>qkv</c> of width d has queries at 0, keys at d, values at 2 d, one head after the other. A layer that gives each head's query, key and value one after the other has them at 0,
/// w and 2 w with a stride of 3 w.
/// </remarks>
public sealed record HeadRows(string Layer, int Width, int Start = 0, int? Stride = null)
{
    /// <summary>The first output of a head; its others follow.</summary>
    /// <param name="head">The head, from 0.</param>
    public long FirstOf(int head) => Start + ((long)head * (Stride ?? Width));
}
