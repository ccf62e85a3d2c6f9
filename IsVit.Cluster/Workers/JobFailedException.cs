using IsVit.Model;

namespace IsVit.Cluster.Workers;

/// <summary>A job could not be done.</summary>
public sealed class JobFailedException : IsVitException
{
    /// <summary>Creates the exception.</summary>
    public JobFailedException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    public JobFailedException(string? message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause; null for none.</param>
    public JobFailedException(string? message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether another try, on this or another machine, would end in the same way.</summary>
    public bool IsFinal { get; init; }
}
