using IsVit.Model;

namespace IsVit.Optimization.Options;

/// <summary>An option is out of range. The message names the option, the value and what is allowed.</summary>
public sealed class OptionsException : IsVitException
{
    /// <summary>Creates the exception.</summary>
    public OptionsException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">The option, the value and what is allowed.</param>
    public OptionsException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">The option, the value and what is allowed.</param>
    /// <param name="innerException">The cause.</param>
    public OptionsException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
