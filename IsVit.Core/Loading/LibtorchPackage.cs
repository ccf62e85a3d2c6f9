namespace IsVit.Core.Loading;

/// <summary>The packages that hold one build of libtorch. A build for CUDA is in several.</summary>
/// <param name="Name">The name of one of them.</param>
/// <param name="Version">Their version.</param>
/// <param name="Folders">Where their native libraries are.</param>
internal sealed record LibtorchPackage(string Name, string Version, IReadOnlyList<string> Folders)
{
    private const string Cpu = "torch_cpu";
    private const string Cuda = "torch_cuda";

    // Each after what it needs, so that nothing is looked for elsewhere on the system.
    private static readonly string[] s_libraries = ["c10", Cpu, "c10_cuda", Cuda, "torch"];

    /// <summary>Finds the build of libtorch that goes with TorchSharp.</summary>
    /// <param name="torchSharp">The folder of TorchSharp's package.</param>
    /// <param name="roots">The folders of the packages that a program references, as far as known: hosts of scripts and notebooks put them on the search path.</param>
    /// <param name="version">The version to take where it is not known what the program references.</param>
    /// <returns>Null if there is none.</returns>
    public static LibtorchPackage? Find(string torchSharp, IEnumerable<string> roots, string version) =>
        Choose(roots.Where(Path.IsPathFullyQualified).Select(Path.TrimEndingDirectorySeparator)) ?? Choose(Restored(torchSharp, version));

    /// <summary>The libraries to load, in order.</summary>
    /// <param name="folder">Where all of them are.</param>
    public static IEnumerable<string> Libraries(string folder) => s_libraries.Select(library => Path.Combine(folder, NativeFiles.Named(library))).Where(File.Exists);

    // Packages lie side by side in one folder, each with its versions. TorchSharp takes one from there too, whether it is referenced or not.
    private static IEnumerable<string> Restored(string torchSharp, string version) =>
        Path.GetDirectoryName(Path.GetDirectoryName(torchSharp)) is { } packages && Directory.Exists(packages)
            ? Directory.EnumerateDirectories(packages, "libtorch-*").Order(StringComparer.Ordinal).Select(package => Path.Combine(package, version)).Where(Directory.Exists)
            : [];

    private static LibtorchPackage? Choose(IEnumerable<string> packages)
    {
        var candidates = packages
            .Select(static root => (Root: root, Name: Path.GetFileName(Path.GetDirectoryName(root)) ?? "", Folder: NativeFiles.NativeFolder(root)))
            .Where(static package => package.Name.StartsWith("libtorch-", StringComparison.OrdinalIgnoreCase) && Directory.Exists(package.Folder))
            .ToList();
        return Of(candidates.FindAll(static package => package.Name.StartsWith("libtorch-cuda-", StringComparison.OrdinalIgnoreCase)), Cuda)
            ?? Of(candidates.FindAll(static package => package.Name.StartsWith("libtorch-cpu-", StringComparison.OrdinalIgnoreCase)), Cpu);
    }

    // A package with parts of large files only is one that no build has put together yet.
    private static LibtorchPackage? Of(List<(string Root, string Name, string Folder)> packages, string library) =>
        packages.Find(package => File.Exists(Path.Combine(package.Folder, NativeFiles.Named(library)))) is { Root: not null } found
            ? new LibtorchPackage(found.Name, Path.GetFileName(found.Root), [.. packages.Select(static package => package.Folder).Distinct(StringComparer.Ordinal)])
            : null;
}
