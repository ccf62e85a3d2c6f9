namespace IsVit.Core.Graph;

/// <summary>
/// Declares where the heads of an attention are located. Multiplying a head's queries and keys by the same orthogonal matrix, or its values by one whose transpose is applied after attention, does not change the output of
/// the attention. <c>head-rotation</c> uses this freedom.
/// </summary>
/// <remarks>
/// Declare queries and keys only if nothing but a common factor is applied between them and their product (no normalization or rotary embedding of single channels), and values only if attention
/// averages them and passes the result to <see cref="Output"/>. Either of the two can be left out.
/// </remarks>
/// <param name="HeadCount">The number of heads.</param>
public sealed record AttentionDeclaration(int HeadCount)
{
    /// <summary>The queries; null to declare no queries and keys.</summary>
    public HeadRows? Query { get; init; }

    /// <summary>The keys, of the same width as the queries.</summary>
    public HeadRows? Key { get; init; }

    /// <summary>The values; null to declare none.</summary>
    public HeadRows? Value { get; init; }

    /// <summary>The path of the linear layer that reads the averaged values, head after head: it has heads x width inputs.</summary>
    public string? Output { get; init; }
}
