using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace IsVit.Core.Memory;

/// <summary>The native libraries of this process.</summary>
internal static class LoadedLibraries
{
    /// <summary>What the file name of libtorch's own library begins with.</summary>
    public const string TorchName = "libtorch_cpu";

    /// <summary>The paths of those that are loaded now; none where the system does not list them.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "A system that does not list modules has none to look beside.")]
    public static string[] Files()
    {
        try
        {
            using var process = Process.GetCurrentProcess();
            return [.. process.Modules.Cast<ProcessModule>().Select(static module => module.FileName).Where(static file => !string.IsNullOrEmpty(file))];
        }
        catch (Exception)
        {
            return [];
        }
    }

    /// <summary>A function of a library that lies in libtorch's folder and is loaded already; 0 where there is none, or on another system than Linux.</summary>
    /// <param name="name">What the library's file name begins with: what comes behind it differs from build to build.</param>
    /// <param name="entry">The function's name.</param>
    public static nint TorchFunction(string name, string entry)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        var files = Files();
        var folder = Path.GetDirectoryName(Array.Find(files, static file => Begins(file, TorchName)));
        var path = Array.Find(files, file => Begins(file, name) && Path.GetDirectoryName(file) == folder);
        return path is not null && NativeLibrary.TryLoad(path, out var library) && NativeLibrary.TryGetExport(library, entry, out var function) ? function : 0;
    }

    private static bool Begins(string file, string name) => Path.GetFileName(file).StartsWith(name, StringComparison.Ordinal);
}
