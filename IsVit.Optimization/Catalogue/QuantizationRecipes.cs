using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;

namespace IsVit.Optimization.Catalogue;

/// <summary>The built-in recipes.</summary>
public static class QuantizationRecipes
{
    /// <summary>All built-in recipes, I&amp;S-ViT first.</summary>
    public static IReadOnlyList<QuantizationRecipe> All { get; } = BuiltIn.Recipes();

    /// <summary>Finds the recipe with a name, or with a name that it had in an earlier version; null if there is none.</summary>
    /// <param name="name">Such as <see cref="RecipeNames.ISVit"/>.</param>
    public static QuantizationRecipe? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var now = FormerNames.Recipe(name, All.Select(static recipe => recipe.Name));
        return All.FirstOrDefault(recipe => recipe.Name == now);
    }
}
