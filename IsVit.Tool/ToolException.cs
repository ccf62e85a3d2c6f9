using IsVit.Model;

namespace IsVit.Tool;

/// <summary>The command cannot be done as asked: what the user gave does not fit. The message is one line for standard error; the exit code is 2.</summary>
internal sealed class ToolException : IsVitException
{
    public ToolException()
    {
    }

    public ToolException(string message)
        : base(message)
    {
    }

    public ToolException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
