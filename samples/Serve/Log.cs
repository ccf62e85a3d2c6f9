using Microsoft.Extensions.Logging;

namespace Serve;

/// <summary>Lines of the log.</summary>
internal static partial class Log
{
    [LoggerMessage(LogLevel.Error, "A request failed.")]
    public static partial void Failed(ILogger logger, Exception exception);
}
