using System.Runtime.InteropServices;
using IsVit.Core.Memory;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>Finds native libraries that nothing here refers to at build time.</summary>
internal static class NativeSearch
{
    // Where packages of CUDA lay out their libraries, from the folder of a libtorch beside them.
    private static readonly string[] s_siblings =
    [
        ".", "../../nvidia/cuda_nvrtc/lib", "../../nvidia/cu13/lib", "../../nvidia/cuda_nvrtc/bin", "../../nvidia/cu13/bin/x86_64",
    ];

    /// <summary>Loads the first library that a folder of <see cref="Folders"/> has, otherwise the first that the system finds by its name.</summary>
    /// <param name="names">File names, the best one first.</param>
    /// <param name="pattern">A pattern for files that a package has renamed; null if none are.</param>
    /// <param name="handle">The library.</param>
    public static bool TryLoad(string[] names, string? pattern, out nint handle)
    {
        foreach (var folder in Folders())
        {
            foreach (var path in Candidates(folder, names, pattern))
            {
                if (NativeLibrary.TryLoad(path, out handle))
                {
                    return true;
                }
            }
        }

        foreach (var name in names)
        {
            if (NativeLibrary.TryLoad(name, out handle))
            {
                return true;
            }
        }

        handle = 0;
        return false;
    }

    /// <summary>The folders of the CUDA libraries that this process has loaded and those beside them, then that of an installed toolkit.</summary>
    public static IEnumerable<string> Folders()
    {
        var loaded = LoadedLibraries.Files().Where(IsCuda).Select(static file => Path.GetDirectoryName(file)!).Distinct(StringComparer.Ordinal);
        var beside = from folder in loaded from sibling in s_siblings select Path.GetFullPath(Path.Combine(folder, sibling));
        var toolkits = from variable in (string[])["CUDA_PATH", "CUDA_HOME"]
                       let root = Environment.GetEnvironmentVariable(variable)
                       where !string.IsNullOrEmpty(root)
                       from part in (string[])["lib64", "bin", "bin/x64"]
                       select Path.Combine(root, part);
        return beside.Concat(toolkits).Distinct(StringComparer.Ordinal).Where(Directory.Exists);
    }

    private static IEnumerable<string> Candidates(string folder, string[] names, string? pattern)
    {
        var known = names.Select(name => Path.Combine(folder, name)).Where(File.Exists);
        return pattern is null ? known : known.Concat(Directory.EnumerateFiles(folder, pattern).Where(static file => !file.Contains("builtins", StringComparison.Ordinal)));
    }

    private static bool IsCuda(string file)
    {
        var name = Path.GetFileName(file);
        return name.Contains("torch_cuda", StringComparison.OrdinalIgnoreCase)
            || name.Contains("nvrtc", StringComparison.OrdinalIgnoreCase)
            || name.Contains("cudart", StringComparison.OrdinalIgnoreCase);
    }
}
