namespace IsVit.Optimization.Recipes;

/// <summary>Names that recipes, stages and schemes had in earlier versions; options, files and command lines that hold them mean what they meant.</summary>
internal static class FormerNames
{
    private static readonly Dictionary<string, string> s_recipes = new(StringComparer.Ordinal) { ["neither"] = RecipeNames.Baseline };

    private static readonly Dictionary<string, string> s_stages = new(StringComparer.Ordinal)
    {
        ["activation-compensation"] = StageNames.RidgeCorrection,
        ["weight-compensation"] = StageNames.Gptq,
    };

    /// <summary>Schemes, each with the one that it is now.</summary>
    public static IReadOnlyDictionary<string, string> Schemes { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["uniform-fine"] = SchemeNames.UniformMse,
        ["uniform-symmetric-fine"] = SchemeNames.UniformSymmetricMse,
        ["log2-fine"] = SchemeNames.Log2Mse,
    };

    /// <summary>The name that a recipe has now; one that is known under the name it is asked for by keeps it.</summary>
    /// <param name="name">What it is asked for by.</param>
    /// <param name="known">The recipes that there are.</param>
    public static string Recipe(string name, IEnumerable<string> known) => known.Contains(name, StringComparer.Ordinal) ? name : s_recipes.GetValueOrDefault(name, name);

    /// <summary>The name that a stage has now.</summary>
    /// <param name="name">What it is asked for by.</param>
    public static string Stage(string name) => s_stages.GetValueOrDefault(name, name);
}
