using IsVit.Core.Loading;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Loading;

/// <summary>Which of the packages on a machine are taken. Files are empty: nothing is loaded here.</summary>
public sealed class LibtorchPackageTests : IDisposable
{
    private readonly TemporaryFolder _packages = new();

    private string TorchSharp => _packages["torchsharp/0.107.0"];

    public void Dispose() => _packages.Dispose();

    [Fact]
    public void LibtorchVersion_OfTorchSharp_IsThePackagesVersion() => Assert.Equal("2.10.0", NativeFiles.LibtorchVersion);

    [Theory]
    [InlineData("2.10.0.0", "2.10.0")]
    [InlineData("2.10.0.1", "2.10.0.1")]
    [InlineData("2.10.0-rc1", "2.10.0-rc1")]
    public void PackageVersion_LastNumberZero_IsLeftOut(string version, string expected) => Assert.Equal(expected, NativeFiles.PackageVersion(version));

    [Fact]
    public void Find_ReferencedPackage_WinsOverOthersBesideTorchSharp()
    {
        Add("libtorch-cpu-x", "2.10.0", "torch_cpu");
        var referenced = Add("libtorch-cpu-x", "2.9.1", "torch_cpu");

        var found = LibtorchPackage.Find(TorchSharp, ["/usr/bin", "bin", referenced + Path.DirectorySeparatorChar], "2.10.0");

        Assert.Equal(("libtorch-cpu-x", "2.9.1"), (found!.Name, found.Version));
        Assert.Equal([NativeFiles.NativeFolder(referenced)], found.Folders);
    }

    [Fact]
    public void Find_NothingReferenced_TakesTheVersionOfTorchSharp()
    {
        Add("libtorch-cpu-x", "2.9.1", "torch_cpu");
        var fitting = Add("libtorch-cpu-x", "2.10.0", "torch_cpu");

        Assert.Equal([NativeFiles.NativeFolder(fitting)], LibtorchPackage.Find(TorchSharp, ["/usr/bin"], "2.10.0")!.Folders);
        Assert.Null(LibtorchPackage.Find(TorchSharp, ["/usr/bin"], "2.11.0"));
    }

    [Fact]
    public void Find_ReferencedBuildForCuda_HasTheFoldersOfAllItsParts()
    {
        string[] roots = [Add("libtorch-cuda-12.8-x-part1", "2.10.0", "torch_cpu", "c10"), Add("libtorch-cuda-12.8-x-part2", "2.10.0", "torch_cuda"), Add("other", "1.0.0", "torch_cpu")];

        var found = LibtorchPackage.Find(TorchSharp, roots, "2.10.0")!;

        Assert.Equal(roots[..2].Select(NativeFiles.NativeFolder), found.Folders);
    }

    [Fact]
    public void Find_BuildForCudaInFragments_IsNotTaken()
    {
        string[] roots = [Add("libtorch-cuda-12.8-x-part1", "2.10.0", "torch_cpu"), Add("libtorch-cpu-x", "2.10.0", "torch_cpu")];

        Assert.Equal("libtorch-cpu-x", LibtorchPackage.Find(TorchSharp, roots, "2.10.0")!.Name);
        Assert.Null(LibtorchPackage.Find(TorchSharp, [Add("libtorch-cuda-12.8-y", "1.0.0", "torch_cpu")], "3.0.0"));
    }

    [Fact]
    public void Libraries_AreInTheOrderOfTheirNeeds()
    {
        var folder = NativeFiles.NativeFolder(Add("libtorch-cuda-12.8-x", "2.10.0", "torch", "torch_cuda", "c10", "torch_cpu", "shm"));

        Assert.Equal(((string[])["c10", "torch_cpu", "torch_cuda", "torch"]).Select(NativeFiles.Named), LibtorchPackage.Libraries(folder).Select(Path.GetFileName));
    }

    private string Add(string name, string version, params string[] libraries)
    {
        var root = _packages[Path.Combine(name, version)];
        Assert.All(libraries, library => _packages.File(Path.Combine(NativeFiles.NativeFolder(root), NativeFiles.Named(library)), []));
        return root;
    }
}
