using IsVit.Model;

namespace IsVit.Detection.Training;

/// <summary>The training of a detector cannot go on.</summary>
public sealed class DetectorTrainingException : IsVitException
{
    /// <summary>Creates an exception without a message.</summary>
    public DetectorTrainingException()
    {
    }

    /// <summary>Creates an exception.</summary>
    /// <param name="message">What is wrong.</param>
    public DetectorTrainingException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception that another one caused.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public DetectorTrainingException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
