namespace IsVit.Cluster.Jobs;

/// <summary>A file of a job that the content store has.</summary>
/// <param name="Name">What it is called, without a folder.</param>
/// <param name="Hash">The SHA-256 of its content, in hexadecimal digits.</param>
[GenerateSerializer]
[Immutable]
[Alias("isvit.StoredFile")]
public sealed record StoredFile(string Name, string Hash);
