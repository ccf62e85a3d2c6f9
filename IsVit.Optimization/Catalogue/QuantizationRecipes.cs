using IsVit.Optimization.Recipes;

namespace IsVit.Optimization.Catalogue;

/// <summary>The built-in recipes.</summary>
public static class QuantizationRecipes
{
    /// <summary>All of them, I&amp;S-ViT first.</summary>
    public static IReadOnlyList<QuantizationRecipe> All { get; } = BuiltIn.Recipes();
}
