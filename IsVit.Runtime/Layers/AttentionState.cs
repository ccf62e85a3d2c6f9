using IsVit.Runtime.Products;

namespace IsVit.Runtime.Layers;

/// <summary>The queries, keys and values of tokens that attend to each other; those in integers or those in float are empty.</summary>
internal sealed class AttentionState
{
    /// <summary>[tokens, heads x head width], codes.</summary>
    public required AlignedBuffer<byte> QueryCodes { get; init; }

    /// <summary>[tokens, heads x head width].</summary>
    public required AlignedBuffer<float> Queries { get; init; }

    /// <summary>For each head a right operand of [tokens, head width].</summary>
    public required IntegerPanels[] KeyIntegers { get; init; }

    /// <summary>For each head a right operand of [tokens, head width].</summary>
    public required FloatPanels[] Keys { get; init; }

    /// <summary>For each head a right operand of [head width, tokens].</summary>
    public required IntegerPanels[] ValueIntegers { get; init; }

    /// <summary>For each head a right operand of [head width, tokens].</summary>
    public required FloatPanels[] Values { get; init; }
}
