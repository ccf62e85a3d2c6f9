namespace IsVit.Benchmarks.Runtime;

/// <summary>The sizes of a product.</summary>
/// <param name="Name">What it is in a DeiT-Tiny.</param>
/// <param name="Rows">The number of tokens.</param>
/// <param name="Columns">The number of outputs.</param>
/// <param name="Depth">The number of inputs.</param>
public sealed record ProductShape(string Name, int Rows, int Columns, int Depth)
{
    private const int Tokens = 197;

    /// <summary>The products of a block of DeiT-Tiny, and one that lies in the first-level cache and has no rest anywhere.</summary>
    public static IReadOnlyList<ProductShape> All { get; } =
    [
        new("in cache", 48, 64, 256),
        new("qkv", Tokens, 576, 192),
        new("proj", Tokens, 192, 192),
        new("fc1", Tokens, 768, 192),
        new("fc2", Tokens, 192, 768),
        new("scores of a head", Tokens, Tokens, 64),
        new("values of a head", Tokens, 64, Tokens),
    ];

    /// <inheritdoc/>
    public override string ToString() => Name;
}
