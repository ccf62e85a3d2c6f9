using IsVit.Optimization;
using Microsoft.Extensions.Logging;

namespace IsVit.Tool.Terminal;

/// <summary>Writes what the engine warns of to the error stream. What comes with an exception is left to who catches that.</summary>
/// <param name="console">Where it goes.</param>
internal sealed class ConsoleWarnings(ToolConsole console) : ILogger<ModelQuantizer>
{
    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel) && exception is null)
        {
            console.Warn($"{formatter(state, exception)}.");
        }
    }
}
