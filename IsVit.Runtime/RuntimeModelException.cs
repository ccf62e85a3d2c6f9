using IsVit.Model;

namespace IsVit.Runtime;

/// <summary>A saved model cannot be run by this library, or an input does not fit it.</summary>
public sealed class RuntimeModelException : IsVitException
{
    /// <summary>Creates an exception without a message.</summary>
    public RuntimeModelException()
    {
    }

    /// <summary>Creates an exception with a message.</summary>
    /// <param name="message">What is wrong, with names, values and what was expected.</param>
    public RuntimeModelException(string? message)
        : base(message)
    {
    }

    /// <summary>Creates an exception with a message and its cause.</summary>
    /// <param name="message">What is wrong, with names, values and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public RuntimeModelException(string? message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
