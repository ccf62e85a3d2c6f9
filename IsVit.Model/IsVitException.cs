namespace IsVit.Model;

/// <summary>What this library's exceptions have in common: the message names the thing, the value and what was expected, and what was asked for cannot be done as asked.</summary>
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
