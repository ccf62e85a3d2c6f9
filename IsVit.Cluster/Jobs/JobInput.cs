namespace IsVit.Cluster.Jobs;

/// <summary>A file or a folder that a job reads, by its content.</summary>
/// <param name="Name">What it is called on the worker: a file name without a folder.</param>
/// <param name="Hash">The SHA-256 of the file, or of the list of a folder's files, in hexadecimal digits.</param>
/// <param name="IsFolder">Whether it is a folder.</param>
[GenerateSerializer]
[Immutable]
[Alias("isvit.JobInput")]
public sealed record JobInput(string Name, string Hash, bool IsFolder);
