namespace Serve;

/// <summary>The configuration does not allow the service to start.</summary>
internal sealed class ServeOptionsException(string message) : Exception(message);
