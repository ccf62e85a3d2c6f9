namespace IsVit.Tool;

/// <summary>The user ended a command of which something may be left. The message says what.</summary>
internal sealed class RunInterruptedException : OperationCanceledException
{
    public RunInterruptedException()
    {
    }

    public RunInterruptedException(string message)
        : base(message)
    {
    }

    public RunInterruptedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
