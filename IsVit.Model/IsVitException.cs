namespace IsVit.Model;

/// <summary>The base class of this library's exceptions: an operation cannot be done as requested. The message contains the object concerned, the value and what was expected.</summary>
public abstract class IsVitException : Exception
{
    /// <summary>Creates the exception.</summary>
    protected IsVitException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    protected IsVitException(string? message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    /// <param name="innerException">The cause; null for none.</param>
    protected IsVitException(string? message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
