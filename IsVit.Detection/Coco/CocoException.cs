using IsVit.Model;

namespace IsVit.Detection.Coco;

/// <summary>A COCO file, or what was given in its place, cannot be read or evaluated. The message contains the file, the entry, what was expected and what was found.</summary>
public sealed class CocoException : IsVitException
{
    /// <summary>Creates the exception.</summary>
    public CocoException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    public CocoException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public CocoException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="filePath">The file, or null for what was made in memory.</param>
    /// <param name="entry">The entry, such as "annotation 5", or null if the error concerns the whole.</param>
    /// <param name="expected">What was expected.</param>
    /// <param name="found">What was found.</param>
    /// <param name="annotationId">The id of the annotation, if the entry is one.</param>
    /// <param name="innerException">The cause, if there is one.</param>
    public CocoException(string? filePath, string? entry, string expected, string found, long? annotationId = null, Exception? innerException = null)
        : base($"{(filePath is null ? string.Empty : $"{filePath}: ")}{(entry is null ? string.Empty : $"{entry}: ")}expected {expected}, found {found}.", innerException)
    {
        FilePath = filePath;
        AnnotationId = annotationId;
        Expected = expected;
        Found = found;
    }

    private CocoException(string? filePath, string entry, long? annotationId, string problem, Exception innerException)
        : base($"{(filePath is null ? string.Empty : $"{filePath}: ")}{entry}: {problem}", innerException)
    {
        FilePath = filePath;
        AnnotationId = annotationId;
        Found = problem;
    }

    /// <summary>The file; null for what was made in memory.</summary>
    public string? FilePath { get; }

    /// <summary>The id of the annotation; null if another entry is concerned.</summary>
    public long? AnnotationId { get; }

    /// <summary>What was expected.</summary>
    public string? Expected { get; }

    /// <summary>What was found.</summary>
    public string? Found { get; }

    /// <summary>An entry holds a mask or a polygon that is none.</summary>
    internal static CocoException Of(string? filePath, string entry, long? annotationId, ArgumentException cause)
        => new(filePath, entry, annotationId, cause.Message.Replace($" (Parameter '{cause.ParamName}')", string.Empty, StringComparison.Ordinal), cause);
}
