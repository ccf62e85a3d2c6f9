namespace IsVit.Core.Graph;

/// <summary>Declares what tracing cannot detect about a model. Implemented by a root module.</summary>
public interface IGraphDeclaration
{
    /// <summary>The paths of the modules that are reconstructed as one unit each, in execution order; empty to detect them automatically.</summary>
    IEnumerable<string> DeclareUnits();

    /// <summary>Roles of sites that tracing cannot detect, e.g. of a linear layer that reads the mean of a LayerNorm's output.</summary>
    IEnumerable<RoleDeclaration> DeclareRoles();

    /// <summary>Paths, or patterns of paths, of modules that stay in float with everything inside them; those that <see cref="TraceOptions.Ignore"/> names do as well.</summary>
    IEnumerable<string> DeclareIgnored() => [];

    /// <summary>The locations of the heads of its attentions; empty to leave the attentions unchanged.</summary>
    IEnumerable<AttentionDeclaration> DeclareAttentions() => [];
}
