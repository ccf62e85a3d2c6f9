namespace IsVit.Tests.TestSupport;

/// <summary>The folder of IsVit.sln, found upwards from the running tests.</summary>
internal static class RepositoryRoot
{
    public static string Path { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "IsVit.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"IsVit.sln is in no folder above {start}.");
    }
}
