namespace IsVit.Tool.Sweeps;

/// <summary>One run of a sweep.</summary>
/// <param name="Name">Its name, which is also its folder's.</param>
/// <param name="Variant">The name of its set of overrides; may be empty.</param>
/// <param name="Options">Options of <c>isvit quantize</c> and of the engine, by name; paths are absolute.</param>
internal sealed record SweepRunPlan(string Name, string Variant, IReadOnlyDictionary<string, string> Options)
{
    private const string Seed = "seed";

    /// <summary>What the time of a run does not depend on is left out: runs of the same kind take equally long.</summary>
    public string Kind => string.Join('\n', Options.Where(static option => !option.Key.Equals(Seed, StringComparison.OrdinalIgnoreCase)).OrderBy(static option => option.Key, StringComparer.OrdinalIgnoreCase).Select(static option => $"{option.Key}={option.Value}"));

    /// <summary>The run with an entry's options, which replace those of the same name.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="isVariant">Whether it is one of the overrides.</param>
    public SweepRunPlan With(NamedOptions entry, bool isVariant)
    {
        var options = new Dictionary<string, string>(Options, StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in entry.Options)
        {
            options[key] = value;
        }

        return new SweepRunPlan(Name.Length == 0 ? entry.Name : $"{Name}-{entry.Name}", isVariant ? entry.Name : Variant, options);
    }
}
