using IsVit.Optimization.DependencyInjection;

namespace IsVit.Optimization.Recipes;

/// <summary>The built-in recipes.</summary>
public static class QuantizationRecipes
{
    /// <summary>All of them, I&amp;S-ViT first.</summary>
    public static IReadOnlyList<QuantizationRecipe> All { get; } = Defaults.Recipes();
}
