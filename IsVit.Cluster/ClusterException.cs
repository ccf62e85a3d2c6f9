using IsVit.Model;

namespace IsVit.Cluster;

/// <summary>A cluster, its store or a job cannot be used as asked.</summary>
public sealed class ClusterException : IsVitException
{
    /// <summary>Creates the exception.</summary>
    public ClusterException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    public ClusterException(string? message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    /// <param name="innerException">The cause; null for none.</param>
    public ClusterException(string? message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
