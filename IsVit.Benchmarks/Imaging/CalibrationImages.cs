namespace IsVit.Benchmarks.Imaging;

/// <summary>The photographs that stand beside the repository.</summary>
internal static class CalibrationImages
{
    /// <summary>The folder <c>../shared/data/imagenet/calibration</c> beside the repository, or null where it is absent.</summary>
    public static string? Folder { get; } = Find();

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "IsVit.sln")))
            {
                var images = Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", "data", "imagenet", "calibration"));
                return Directory.Exists(images) ? images : null;
            }
        }

        return null;
    }
}
