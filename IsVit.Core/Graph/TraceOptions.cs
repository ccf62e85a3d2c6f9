using TorchSharp;

namespace IsVit.Core.Graph;

/// <summary>Options for tracing: what the caller declares about a graph.</summary>
public sealed record TraceOptions
{
    /// <summary>Roles that override the detected ones and those declared by the model. Later entries take precedence.</summary>
    public IReadOnlyList<RoleDeclaration> Roles { get; init; } = [];

    /// <summary>Path patterns of the units to reconstruct; empty to use the model's declaration, or to detect them if it has none.</summary>
    public IReadOnlyList<string> Units { get; init; } = [];

    /// <summary>Locations of the heads of attentions; empty to use the model's declaration.</summary>
    public IReadOnlyList<AttentionDeclaration> Attentions { get; init; } = [];

    /// <summary>Path patterns of modules that, together with their submodules, have no sites: a head that this model never calls, or modules that are to stay in float.</summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>Decides which two-argument modules are matrix products, in addition to those that implement <see cref="IMatrixProduct"/>.</summary>
    public Func<string, torch.nn.Module, bool> MatrixProducts { get; init; } = static (_, _) => false;
}
