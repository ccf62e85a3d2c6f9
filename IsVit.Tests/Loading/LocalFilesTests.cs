using IsVit.Build;
using IsVit.Core.Loading;
using IsVit.Tests.Build;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Loading;

/// <summary>What is made once for a user, by several processes at once.</summary>
public sealed class LocalFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private LocalFiles Files => new(_folder["kept"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Patch_ByManyAtOnce_GivesOneWholeFile()
    {
        var shipped = Shipped();
        var expected = await File.ReadAllBytesAsync(shipped);
        TorchSharpLibrary.LowerLibstdcxxRequirement(expected);

        // Each on a thread of its own, which all begin together.
        using var start = new Barrier(4);
        var copies = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                var copy = Files.Patch(shipped);
                return (copy, Content: File.ReadAllBytes(copy));
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        Assert.Single(copies.Select(static copy => copy.copy).Distinct());
        Assert.All(copies, copy => Assert.Equal(expected, copy.Content));
        Assert.Single(_folder.Entries, static entry => Path.HasExtension(entry));
    }

    [Fact]
    public void Patch_Again_LeavesTheFileAlone()
    {
        var copy = Files.Patch(Shipped());
        var written = File.GetLastWriteTimeUtc(copy).AddDays(-1);
        File.SetLastWriteTimeUtc(copy, written);

        Assert.Equal(copy, Files.Patch(Shipped()));
        Assert.Equal(written, File.GetLastWriteTimeUtc(copy));
    }

    [Fact]
    public void Patch_DamagedCopy_IsReplacedAndNotWrittenInto()
    {
        var copy = Files.Patch(Shipped());
        var expected = File.ReadAllBytes(copy);
        File.WriteAllBytes(copy, [1, 2, 3]);
        using var opened = File.OpenRead(copy);

        Files.Patch(Shipped());

        Assert.Equal(expected, File.ReadAllBytes(copy));
        Assert.Equal(3, opened.Length);
    }

    [Fact]
    public void Patch_AnotherFile_IsRefused()
    {
        var other = _folder.File("lib.so", "no library"u8);

        Assert.Throws<InvalidDataException>(() => Files.Patch(other));
        Assert.Equal("no library"u8, File.ReadAllBytes(other));
    }

    [Fact]
    public void Join_OneFolder_IsThatFolder() => Assert.Equal("/packages/one", Files.Join(["/packages/one"]));

    [Fact]
    public void Join_SeveralFolders_LinksTheirFiles()
    {
        var first = _folder.File("a/libc10.so", "first"u8);
        var second = _folder.File("b/libtorch.so", "second"u8);
        string[] folders = [_folder["a"], _folder["b"]];

        var joined = Files.Join(folders);

        Assert.Equal(joined, Files.Join(folders));
        Assert.NotEqual(joined, Files.Join([.. folders.Reverse()]));
        Assert.Equal(["libc10.so", "libtorch.so"], Directory.EnumerateFiles(joined).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("second", File.ReadAllText(Path.Combine(joined, "libtorch.so")));
        Assert.Equal(first, File.ResolveLinkTarget(Path.Combine(joined, "libc10.so"), returnFinalTarget: true)!.FullName);
        Assert.Equal(second, File.ResolveLinkTarget(Path.Combine(joined, "libtorch.so"), returnFinalTarget: true)!.FullName);
    }

    private static string Shipped()
    {
        var path = TorchSharpLibraryTests.ShippedPath;
        Assert.SkipUnless(File.Exists(path), $"{path} is absent: the package cache is elsewhere.");
        return path;
    }
}
