using TorchSharp;

namespace IsVit.Core.Graph;

/// <summary>What a caller tells the tracer about a graph.</summary>
public sealed record TraceOptions
{
    /// <summary>Roles that override what is found and what the model declares. Later entries win.</summary>
    public IReadOnlyList<RoleDeclaration> Roles { get; init; } = [];

    /// <summary>Path patterns of the units to reconstruct; none to take the model's declaration, or else to have them found.</summary>
    public IReadOnlyList<string> Units { get; init; } = [];

    /// <summary>Where the heads of attentions lie; none to take the model's declaration.</summary>
    public IReadOnlyList<AttentionDeclaration> Attentions { get; init; } = [];

    /// <summary>Path patterns of modules that have no sites, nor has what they hold: a head that this model never calls, or what is to stay in float.</summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>Says which two-argument modules are matrix products, beside those marked <see cref="IMatrixProduct"/>.</summary>
    public Func<string, torch.nn.Module, bool> MatrixProducts { get; init; } = static (_, _) => false;
}
