namespace IsVit.Tool.Sweeps;

/// <summary>What a sweep's file asks for: every combination of one entry of each list.</summary>
/// <param name="Common">Options of all runs.</param>
/// <param name="Models">Models; each with options of its own.</param>
/// <param name="Bits">Bits of weights and activations; may be empty.</param>
/// <param name="Methods">Recipes; may be empty.</param>
/// <param name="Seeds">Seeds; may be empty.</param>
/// <param name="Overrides">Sets of options that are tried beside each other; may be empty.</param>
/// <param name="Threads">The threads of each run.</param>
/// <param name="UnitShares">Into how many jobs the first reconstruction of each run is divided; 1 for none.</param>
internal sealed record SweepDefinition(
    IReadOnlyDictionary<string, string> Common,
    IReadOnlyList<NamedOptions> Models,
    IReadOnlyList<NamedOptions> Bits,
    IReadOnlyList<NamedOptions> Methods,
    IReadOnlyList<NamedOptions> Seeds,
    IReadOnlyList<NamedOptions> Overrides,
    int Threads,
    int UnitShares)
{
    /// <summary>The runs, the first list changing slowest.</summary>
    /// <exception cref="ToolException">Two runs would have the same name.</exception>
    public IReadOnlyList<SweepRunPlan> Expand()
    {
        var runs = new List<SweepRunPlan> { new("", "", Common) };
        foreach (var list in (IReadOnlyList<NamedOptions>[])[Models, Bits, Methods, Seeds, Overrides])
        {
            if (list.Count > 0)
            {
                runs = [.. runs.SelectMany(run => list.Select(entry => run.With(entry, isVariant: ReferenceEquals(list, Overrides))))];
            }
        }

        return runs.GroupBy(static run => run.Name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(static group => group.Count() > 1) is { } twice
            ? throw new ToolException($"two runs would be called '{twice.Key}'; give models and overrides a 'name' each.")
            : runs;
    }
}
