using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using TorchSharp;

namespace IsVit.Core.Loading;

/// <summary>
/// Loads libtorch and TorchSharp's library in hosts that run programs from the packages as they were restored, such as .NET Interactive and F# Interactive. TorchSharp's own loader does not run when
/// a module is made before anything else, and copies libtorch into the package cache. In a program whose build has copied the libraries, nothing is done.
/// </summary>
internal static class TorchLoader
{
    private static readonly object s_loading = new();
    private static nint s_torchSharp;

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255:The 'ModuleInitializer' attribute should not be used in libraries", Justification = "Users touch TorchSharp's types as well as this library's; nothing else runs before both.")]
    internal static void Initialize()
    {
        if (NativeFiles.AreBesideTheProgram() || NativeFiles.AreLoaded())
        {
            return;
        }

        (AssemblyLoadContext.GetLoadContext(typeof(torch).Assembly) ?? AssemblyLoadContext.Default).ResolvingUnmanagedDll += Resolve;
        try
        {
            // Before TorchSharp asks for libraries by their names, for which a libtorch that is installed on the system would do.
            Load();
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or IOException or UnauthorizedAccessException)
        {
            // libtorch's package may be referenced later. If not, this is thrown again when a library is needed.
        }
    }

    private static nint Resolve(Assembly assembly, string name) => name == NativeFiles.TorchSharp && assembly == typeof(torch).Assembly ? Load() : 0;

    private static nint Load()
    {
        lock (s_loading)
        {
            if (s_torchSharp == 0 && Path.GetDirectoryName(typeof(torch).Assembly.Location) is { Length: > 0 } folder)
            {
                // TorchSharp.dll is in lib/net8.0 of its package.
                s_torchSharp = LoadFor(Path.GetFullPath(Path.Combine(folder, "..", "..")));
            }

            return s_torchSharp;
        }
    }

    private static nint LoadFor(string torchSharp)
    {
        var shipped = Path.Combine(NativeFiles.NativeFolder(torchSharp), NativeFiles.Named(NativeFiles.TorchSharp));
        if (!File.Exists(shipped))
        {
            return 0;
        }

        var roots = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [];
        var libtorch = LibtorchPackage.Find(torchSharp, roots, NativeFiles.LibtorchVersion) ?? throw new DllNotFoundException(Missing("none is referenced"));
        if (libtorch.Version != NativeFiles.LibtorchVersion)
        {
            throw new DllNotFoundException(Missing($"{libtorch.Name} {libtorch.Version} is referenced"));
        }

        var files = LocalFiles.OfUser();
        foreach (var library in LibtorchPackage.Libraries(files.Join(libtorch.Folders)))
        {
            NativeLibrary.Load(library);
        }

        return NativeLibrary.TryLoad(shipped, out var handle) ? handle : NativeLibrary.Load(Patched(files, shipped));
    }

    private static string Patched(LocalFiles files, string shipped)
    {
        try
        {
            return files.Patch(shipped);
        }
        catch (InvalidDataException)
        {
            // There is another reason why it does not load, which the system's loader will tell.
            return shipped;
        }
    }

    private static string Missing(string found)
    {
        var (package, version) = ($"libtorch-cpu-{NativeFiles.RuntimeIdentifier}", NativeFiles.LibtorchVersion);
        return $"TorchSharp {typeof(torch).Assembly.GetName().Version?.ToString(3)} needs a package with libtorch {version}, but {found}. Reference {package} {version} or a CUDA build of this version; in a notebook or a script: #r \"nuget: {package}, {version}\"";
    }
}
