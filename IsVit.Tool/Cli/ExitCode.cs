namespace IsVit.Tool.Cli;

/// <summary>What the process returns.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Success = 0;

    /// <summary>A defect of the tool or of the machine: no memory, a disk that is full.</summary>
    public const int Failure = 1;

    /// <summary>What the user asked for cannot be done as asked.</summary>
    public const int UserError = 2;

    /// <summary>Ended by Ctrl+C or SIGTERM, as shells count the former: 128 + SIGINT.</summary>
    public const int Cancelled = 130;
}
