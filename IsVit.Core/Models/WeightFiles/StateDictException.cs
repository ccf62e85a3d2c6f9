using IsVit.Model;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>A state dict does not fit a module. The lists contain all names that are missing, unexpected or do not fit; the message counts them and shows the first three of each.</summary>
public sealed class StateDictException : IsVitException
{
    private const int Shown = 3;

    /// <summary>Creates the exception.</summary>
    public StateDictException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    public StateDictException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public StateDictException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="source">Where the tensors come from, such as the file.</param>
    /// <param name="missing">Names of the module that the source lacks.</param>
    /// <param name="unexpected">Names of the source that the module lacks.</param>
    /// <param name="mismatched">Names in both whose shape or type does not fit.</param>
    public StateDictException(
        string source,
        IReadOnlyList<string> missing,
        IReadOnlyList<string> unexpected,
        IReadOnlyList<StateDictMismatch> mismatched)
        : base(Describe(source, missing, unexpected, mismatched))
    {
        Missing = missing;
        Unexpected = unexpected;
        Mismatched = mismatched;
    }

    /// <summary>Names of the module that the source lacks.</summary>
    public IReadOnlyList<string> Missing { get; } = [];

    /// <summary>Names of the source that the module lacks.</summary>
    public IReadOnlyList<string> Unexpected { get; } = [];

    /// <summary>Names in both whose shape or type does not fit.</summary>
    public IReadOnlyList<StateDictMismatch> Mismatched { get; } = [];

    private static string Describe(
        string source,
        IReadOnlyList<string> missing,
        IReadOnlyList<string> unexpected,
        IReadOnlyList<StateDictMismatch> mismatched)
    {
        var parts = new List<string>(3);
        Add("missing", missing);
        Add("unexpected", unexpected);
        Add("not fitting", [.. mismatched.Select(m => m.ToString())]);
        return $"{source} does not fit the module; nothing was loaded. {string.Join("; ", parts)}.";

        void Add(string what, IReadOnlyList<string> names)
        {
            if (names.Count > 0)
            {
                var more = names.Count > Shown ? FormattableString.Invariant($" and {names.Count - Shown} more") : string.Empty;
                parts.Add($"{names.Count} {what}: {string.Join(", ", names.Take(Shown).Select(Shortened))}{more}");
            }
        }
    }

    // A broken file may hold a name of megabytes.
    private static string Shortened(string name) => name.Length <= 200 ? name : string.Concat(name.AsSpan(0, 200), "...");
}
