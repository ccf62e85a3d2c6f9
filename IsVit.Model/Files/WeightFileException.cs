namespace IsVit.Model.Files;

/// <summary>A weight file is corrupt or contains something that cannot be read. The message contains the file, the tensor, what was expected and what was found.</summary>
public sealed class WeightFileException : IsVitException
{
    /// <summary>Creates the exception.</summary>
    public WeightFileException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    public WeightFileException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public WeightFileException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="filePath">The file.</param>
    /// <param name="tensorName">The tensor, or null if the error concerns the file as a whole.</param>
    /// <param name="expected">What was expected.</param>
    /// <param name="found">What was found.</param>
    /// <param name="innerException">The cause, if there is one.</param>
    public WeightFileException(string filePath, string? tensorName, string expected, string found, Exception? innerException = null)
        : base($"{filePath}: {(tensorName is null ? string.Empty : $"tensor '{Shortened(tensorName)}': ")}expected {expected}, found {found}.", innerException)
    {
        FilePath = filePath;
        TensorName = tensorName;
        Expected = expected;
        Found = found;
    }

    /// <summary>The file.</summary>
    public string? FilePath { get; }

    /// <summary>The tensor, or null if the error concerns the file as a whole.</summary>
    public string? TensorName { get; }

    /// <summary>What was expected.</summary>
    public string? Expected { get; }

    /// <summary>What was found.</summary>
    public string? Found { get; }

    // A broken file may hold a name of megabytes.
    internal static string Shortened(string text) => text.Length <= 200 ? text : string.Concat(text.AsSpan(0, 200), "...");
}
