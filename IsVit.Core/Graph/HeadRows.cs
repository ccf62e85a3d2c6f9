namespace IsVit.Core.Graph;

/// <summary>Which outputs of a linear layer form one operand of attention: its queries, its keys or its values.</summary>
/// <param name="Layer">
/// The layer's path. For the layer that an <see cref="AttentionDeclaration"/> names first it is a <see cref="PathPattern"/>; wildcards in the paths of the other layers stand for what that pattern's
/// wildcards matched, in order.
/// </param>
/// <param name="Width">The number of outputs of one head.</param>
/// <param name="Start">The index of the first output of the first head.</param>
/// <param name="Stride">The distance from one head's first output to the next head's; null if heads are contiguous, which is <paramref name="Width"/>.</param>
/// <remarks>
/// timm's fused <c>qkv</c> of width d has queries at 0, keys at d, values at 2 d, one head after the other. A layer that outputs each head's query, key and value one after the other has them at 0,
/// w and 2 w with a stride of 3 w.
/// </remarks>
public sealed record HeadRows(string Layer, int Width, int Start = 0, int? Stride = null)
{
    /// <summary>The index of a head's first output; its other outputs follow.</summary>
    /// <param name="head">The head's index, from 0.</param>
    public long FirstOf(int head) => Start + ((long)head * (Stride ?? Width));
}
