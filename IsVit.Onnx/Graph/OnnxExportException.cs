using IsVit.Model;

namespace IsVit.Onnx.Graph;

/// <summary>A model cannot be exported; the message reports which part of it, and what is supported.</summary>
public sealed class OnnxExportException : IsVitException
{
    /// <summary>Creates an exception without a message.</summary>
    public OnnxExportException()
    {
    }

    /// <summary>Creates an exception.</summary>
    /// <param name="message">What cannot be exported.</param>
    public OnnxExportException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception.</summary>
    /// <param name="message">What cannot be exported.</param>
    /// <param name="innerException">The cause.</param>
    public OnnxExportException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
