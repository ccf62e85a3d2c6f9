namespace IsVit.Core.Graph;

/// <summary>
/// States where the heads of an attention lie: whatever orthogonal matrix multiplies a head's queries and keys alike, or its values, with the transpose behind them, changes nothing of what the attention
/// gives. That freedom is what <c>head-rotation</c> uses.
/// </summary>
/// <remarks>
/// Declare queries and keys only where nothing but a common factor lies between them and their product (no normalisation or rotary embedding of single channels), values only where attention
/// averages them and hands them to <see cref="Output"/>. Either pair can be left out.
/// </remarks>
/// <param name="HeadCount">The number of heads.</param>
public sealed record AttentionDeclaration(int HeadCount)
{
    /// <summary>The queries; null to leave queries and keys out.</summary>
    public HeadRows? Query { get; init; }

    /// <summary>The keys, as wide as the queries.</summary>
    public HeadRows? Key { get; init; }

    /// <summary>The values; null to leave them out.</summary>
    public HeadRows? Value { get; init; }

    /// <summary>The path of the linear layer that reads what attention makes of the values, head after head: it has heads x width inputs.</summary>
    public string? Output { get; init; }
}
