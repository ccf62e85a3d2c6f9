namespace IsVit.Core.Models.WeightFiles;

/// <summary>A module that also loads weights under other names than its own, such as those of an older release.</summary>
public interface IStateDictNames
{
    /// <summary>Gives the module's own name for a name of a source.</summary>
    /// <param name="name">The name in the source, without prefix.</param>
    /// <param name="names">All names in the source, without prefix.</param>
    /// <returns>The module's name; <paramref name="name"/> itself where there is nothing to translate; null for what the module has no need of.</returns>
    string? Translate(string name, IReadOnlySet<string> names);
}
