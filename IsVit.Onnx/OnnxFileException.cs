using IsVit.Model;

namespace IsVit.Onnx;

/// <summary>A file is not an ONNX model; the message contains its name.</summary>
public sealed class OnnxFileException : IsVitException
{
    /// <summary>Creates an exception without a message.</summary>
    public OnnxFileException()
    {
    }

    /// <summary>Creates an exception.</summary>
    /// <param name="message">The file, and what is wrong with it.</param>
    public OnnxFileException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception.</summary>
    /// <param name="message">The file, and what is wrong with it.</param>
    /// <param name="innerException">The cause.</param>
    public OnnxFileException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
