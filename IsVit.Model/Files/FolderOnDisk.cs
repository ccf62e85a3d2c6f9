using System.Runtime.InteropServices;

namespace IsVit.Model.Files;

/// <summary>Writes what a folder lists to the disk: on Linux and macOS a file that was moved there is found after a loss of power only if its folder was written too.</summary>
internal static partial class FolderOnDisk
{
    private const int ReadOnly = 0;

    /// <summary>Writes it, as far as the system and the file system can; a file that is not found again for the lack of it is the file that was there before.</summary>
    /// <param name="folder">The folder's full path.</param>
    public static void Write(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var handle = Open(folder, ReadOnly);
        if (handle >= 0)
        {
            _ = Sync(handle);
            _ = Close(handle);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Sync(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int handle);
}
