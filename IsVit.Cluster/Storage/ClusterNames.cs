namespace IsVit.Cluster.Storage;

/// <summary>Names that the parts of a cluster share.</summary>
internal static class ClusterNames
{
    /// <summary>What keeps the grains' state.</summary>
    public const string StorageProvider = "isvit";

    /// <summary>What keeps it where one caller at a time is let in.</summary>
    public const string ConcurrentStorage = "isvit-concurrent";

    /// <summary>The cluster's service, a part of every row's key.</summary>
    public const string Service = "isvit";
}
