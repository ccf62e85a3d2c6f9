namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>A damaged file was read as something that it does not say.</summary>
internal sealed class WrongLoadException(string message) : Exception(message);
