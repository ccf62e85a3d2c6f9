using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp;

namespace IsVit.Core.Loading;

/// <summary>Names and places of native libraries.</summary>
internal static class NativeFiles
{
    /// <summary>TorchSharp's library, as its imports name it.</summary>
    public const string TorchSharp = "LibTorchSharp";

    /// <summary>The version of libtorch that TorchSharp is built for, as the folder of its package is named. TorchSharp's property that gives it would load the library.</summary>
    public static string LibtorchVersion { get; } = PackageVersion((string)typeof(torch).GetField("libtorchPackageVersion", BindingFlags.NonPublic | BindingFlags.Static)!.GetRawConstantValue()!);

    /// <summary>The system and processor as packages name them.</summary>
    public static string RuntimeIdentifier { get; } =
        $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>A library's file name on this system.</summary>
    public static string Named(string library) => OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";

    /// <summary>The folder of a package's native libraries for this system.</summary>
    public static string NativeFolder(string package) => Path.Combine(package, "runtimes", RuntimeIdentifier, "native");

    /// <summary>A version as packages have it: a fourth number that is 0 is left out.</summary>
    public static string PackageVersion(string version) => Version.TryParse(version, out var numbers) && numbers.Revision == 0 ? numbers.ToString(3) : version;

    /// <summary>Whether the runtime finds TorchSharp's library by itself: a build has copied it, or its dependency file tells where it is.</summary>
    public static bool AreBesideTheProgram()
    {
        var file = Named(TorchSharp);
        var folders = ((AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string)?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [])
            .Concat(((string?[])[AppContext.BaseDirectory, Path.GetDirectoryName(typeof(torch).Assembly.Location)]).Where(static folder => !string.IsNullOrEmpty(folder)).SelectMany(static folder => (string[])[folder!, NativeFolder(folder!)]));
        return folders.Any(folder => File.Exists(Path.Combine(folder, file)));
    }

    /// <summary>Whether the program has loaded TorchSharp's library by itself.</summary>
    public static bool AreLoaded()
    {
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().Any(static module => Path.GetFileName(module.FileName) == Named(TorchSharp));
    }
}
