using IsVit.Model;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>A state dict does not fit a module. The message and the lists contain all names that are missing, unexpected or do not fit.</summary>
public sealed class StateDictException : IsVitException
{
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
                parts.Add($"{names.Count} {what}: {string.Join(", ", names)}");
            }
        }
    }
}
