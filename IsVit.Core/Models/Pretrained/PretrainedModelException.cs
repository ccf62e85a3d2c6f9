using IsVit.Model;

namespace IsVit.Core.Models.Pretrained;

/// <summary>A folder or file of trained weights cannot be made a model. The message names the file, the value and what was expected.</summary>
public sealed class PretrainedModelException : IsVitException
{
    /// <summary>Creates the exception.</summary>
    public PretrainedModelException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    public PretrainedModelException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public PretrainedModelException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
