using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;

namespace IsVit.Optimization.Stages;

/// <summary>Whether stages can run in an order.</summary>
internal static class StageOrder
{
    /// <summary>Throws if a stage comes before one that it builds on, or finds out what stages before it alone read.</summary>
    /// <param name="recipe">The recipe's name.</param>
    /// <param name="stages">Its stages.</param>
    /// <exception cref="OptionsException">The message names both.</exception>
    public static void Require(string recipe, IReadOnlyList<IQuantizationStage> stages)
    {
        ArgumentNullException.ThrowIfNull(stages);
        for (var i = 0; i < stages.Count; i++)
        {
            var stage = stages[i] ?? throw new OptionsException(FormattableString.Invariant($"Stage {i} of recipe '{recipe}' is null; expected a stage."));
            var (earlier, later) = (stages.Take(i), stages.Skip(i + 1));
            if (later.FirstOrDefault(other => stage.After.Any(name => FormerNames.Stage(name) == FormerNames.Stage(other.Name)) && earlier.All(known => known.Name != other.Name)) is { } missing)
            {
                throw new OptionsException($"Recipe '{recipe}' has the stage '{stage.Name}' before '{missing.Name}'; expected it behind, for it builds on what '{missing.Name}' does.");
            }

            if (stage.Writes.FirstOrDefault(result => !later.Any(Reads(result)) && earlier.Any(Reads(result))) is { } result)
            {
                var reader = earlier.Last(Reads(result));
                throw new OptionsException($"Recipe '{recipe}' has the stage '{stage.Name}' behind '{reader.Name}', the last one that reads the {result.Name} that it finds out; expected it before.");
            }
        }
    }

    private static Func<IQuantizationStage, bool> Reads(Type result) => stage => stage.Reads.Contains(result);
}
