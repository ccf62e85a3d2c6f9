using Microsoft.Extensions.Logging;

namespace IsVit.Tests.Optimization;

/// <summary>Keeps every event with its values.</summary>
internal sealed class RecordingLogger<T> : ILogger<T>
{
    public List<(LogLevel Level, int Id, string Message, IReadOnlyDictionary<string, object?> Values, Exception? Error)> Events { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Events.Add((
        logLevel,
        eventId.Id,
        formatter(state, exception),
        ((IReadOnlyList<KeyValuePair<string, object?>>)state!).ToDictionary(StringComparer.Ordinal),
        exception));
}
