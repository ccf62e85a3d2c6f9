namespace IsVit.Cluster.Content;

/// <summary>A file in a <see cref="ContentTree"/>.</summary>
/// <param name="Path">Its path in the folder, with forward slashes.</param>
/// <param name="Hash">The SHA-256 of its content.</param>
internal sealed record ContentTreeFile(string Path, string Hash);
