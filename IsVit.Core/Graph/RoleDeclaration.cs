using IsVit.Model;

namespace IsVit.Core.Graph;

/// <summary>Declares the role of sites instead of having it detected.</summary>
/// <param name="Pattern">The modules' paths as a pattern, see <see cref="PathPattern"/>.</param>
/// <param name="Operand">Which operand.</param>
/// <param name="Role">The role.</param>
/// <param name="Producer">
/// The path of the LayerNorm whose output the site reads; needed for <see cref="SiteRole.PostLayerNorm"/>. Its wildcards stand for what the
/// pattern's wildcards matched, in order: <c>blocks.*.attn.qkv</c> with <c>blocks.*.norm1</c>.
/// </param>
public sealed record RoleDeclaration(string Pattern, SiteOperand Operand, SiteRole Role, string? Producer = null);
