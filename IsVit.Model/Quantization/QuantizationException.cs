namespace IsVit.Model.Quantization;

/// <summary>Values, parameters or a module graph cannot be quantized as requested. The message contains the object concerned, the value and what was expected.</summary>
public sealed class QuantizationException : IsVitException
{
    /// <summary>Creates the exception.</summary>
    public QuantizationException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    public QuantizationException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, with the value and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public QuantizationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
