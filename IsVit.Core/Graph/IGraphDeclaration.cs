namespace IsVit.Core.Graph;

/// <summary>What a model says about itself where tracing cannot see it. Implemented by a root module.</summary>
public interface IGraphDeclaration
{
    /// <summary>The paths of the modules that are reconstructed at once, in the order in which they run; none to have them found.</summary>
    IEnumerable<string> DeclareUnits();

    /// <summary>Roles of sites that tracing would not find, e.g. of a linear layer that reads the mean of a LayerNorm's output.</summary>
    IEnumerable<RoleDeclaration> DeclareRoles();

    /// <summary>Where the heads of its attentions lie; none to leave them as they are.</summary>
    IEnumerable<AttentionDeclaration> DeclareAttentions() => [];
}
