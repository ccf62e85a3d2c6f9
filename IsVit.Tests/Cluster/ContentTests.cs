using System.Security.Cryptography;
using System.Text;
using IsVit.Cluster;
using IsVit.Cluster.Content;
using IsVit.Cluster.Jobs;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Cluster;

/// <summary>Files by their hashes.</summary>
public sealed class ContentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private FolderContentStore Store => new(_folder["store"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Upload_FileAndFolder_AreFetchedAsTheyWere()
    {
        var file = _folder.File("weights.safetensors", "numbers"u8);
        _folder.File("images/a.png", "a"u8);
        _folder.File("images/inside/b.png", "b"u8);
        _folder.File("images/same as a.png", "a"u8);
        var upload = new ContentUpload(Store);

        var (one, all) = (await upload.FileAsync(file, Token), await upload.FolderAsync(_folder["images"], Token));
        var cache = new ContentCache(Store, _folder["cache"]);
        var (copy, copies) = (await cache.GetAsync(one, Token), await cache.GetAsync(all, Token));

        Assert.Equal(("weights.safetensors", Convert.ToHexStringLower(SHA256.HashData("numbers"u8)), false), (one.Name, one.Hash, one.IsFolder));
        Assert.Equal(("images", true), (all.Name, all.IsFolder));
        Assert.Equal("numbers", await File.ReadAllTextAsync(copy, Token));
        Assert.Equal("weights.safetensors", Path.GetFileName(copy));
        Assert.Equal(["a.png", "inside/b.png", "same as a.png"], Directory.GetFiles(copies, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(copies, path).Replace('\\', '/')).Order(StringComparer.Ordinal));
        Assert.Equal("b", await File.ReadAllTextAsync(Path.Combine(copies, "inside", "b.png"), Token));

        // Equal contents are kept once: numbers, a, b, and the list.
        Assert.Equal(4, Directory.GetFiles(_folder["store"], "*", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public async Task Get_AnyNumberOfTimesAtOnce_IsFetchedOnce()
    {
        var input = await new ContentUpload(Store).FileAsync(_folder.File("a", "content"u8), Token);
        var store = new CountingStore(Store);
        var cache = new ContentCache(store, _folder["cache"]);

        var paths = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => cache.GetAsync(input, Token)));
        var later = await new ContentCache(store, _folder["cache"]).GetAsync(input, Token);

        Assert.Equal(later, Assert.Single(paths.Distinct()));
        Assert.Equal(1, store.Opened);
    }

    [Fact]
    public async Task Get_StoreHasSomethingElse_IsRefusedAndNothingIsKept()
    {
        var input = await new ContentUpload(Store).FileAsync(_folder.File("a", "content"u8), Token);
        var kept = Directory.GetFiles(_folder["store"], "*", SearchOption.AllDirectories).Single();
        File.WriteAllText(kept, "forged");
        var cache = new ContentCache(Store, _folder["cache"]);

        var error = await Assert.ThrowsAsync<ClusterException>(() => cache.GetAsync(input, Token));
        File.WriteAllText(kept, "content");

        Assert.Contains($"has another file under {input.Hash}", error.Message, StringComparison.Ordinal);
        Assert.Equal("content", await File.ReadAllTextAsync(await cache.GetAsync(input, Token), Token));
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../outside")]
    [InlineData("a\\b")]
    [InlineData("C:file")]
    [InlineData("a//b")]
    [InlineData("")]
    [InlineData("a/.")]
    [InlineData("bell\u0007")]
    public async Task Get_FolderWhoseListLeadsOut_IsRefusedBeforeAnythingIsWritten(string path)
    {
        var content = await new ContentUpload(Store).FileAsync(_folder.File("a", "content"u8), Token);
        var list = Encoding.UTF8.GetBytes($$"""{"Files":[{"Path":{{System.Text.Json.JsonSerializer.Serialize(path)}},"Hash":"{{content.Hash}}"}]}""");
        var tree = await new ContentUpload(Store).FileAsync(_folder.File("list", list), Token);

        var error = await Assert.ThrowsAsync<ClusterException>(() => new ContentCache(Store, _folder["cache"]).GetAsync(tree with { Name = "images", IsFolder = true }, Token));

        Assert.Contains("expected relative paths within the folder", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder.Entries, static entry => entry.Contains("outside", StringComparison.Ordinal));
        Assert.Empty(Directory.GetDirectories(_folder["cache"], "images", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("../name")]
    [InlineData("..")]
    [InlineData("a/b")]
    public async Task Get_InputWhoseNameIsAPath_IsRefused(string name)
    {
        var input = await new ContentUpload(Store).FileAsync(_folder.File("a", "content"u8), Token);

        var error = await Assert.ThrowsAsync<ClusterException>(() => new ContentCache(Store, _folder["cache"]).GetAsync(input with { Name = name }, Token));

        Assert.Contains($"'{name}'; expected a file name without a folder", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789")]
    public async Task Store_HashThatIsNone_IsRefused(string hash) =>
        Assert.Contains("is no SHA-256", (await Assert.ThrowsAsync<ClusterException>(() => Store.OpenAsync(hash, Token))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"Files":[null]}""")]
    [InlineData("""{"Files":[{"Path":"a","Hash":null}]}""")]
    public async Task Get_ListThatIsNone_IsRefused(string text)
    {
        var list = await new ContentUpload(Store).FileAsync(_folder.File("list", Encoding.UTF8.GetBytes(text)), Token);

        var error = await Assert.ThrowsAsync<ClusterException>(() => new ContentCache(Store, _folder["cache"]).GetAsync(list with { IsFolder = true }, Token));

        Assert.StartsWith($"{list.Hash} is no list of a folder's files", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Put_FileThatChangesMeanwhile_LeavesNothing()
    {
        var file = _folder.File("a", "content"u8);

        var error = await Assert.ThrowsAsync<ClusterException>(() => Store.PutAsync(new string('0', 64), file, Token));

        Assert.Contains("has changed while it was put into the store", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder["store"], "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Hash_OfAJob_DependsOnAllButEstimates()
    {
        var job = OneSilo.Job(1, new Dictionary<string, JobInput> { ["weights"] = new("w", new string('a', 64), false) });
        JobSpecification[] others =
        [
            OneSilo.Job(2, job.Inputs),
            OneSilo.Job(1),
            job with { Program = "other" },
            job with { Threads = 2 },
            job with { NeedsDevice = true },
            job with { Share = new UnitShare(0, 2) },
            job with { Share = new UnitShare(1, 2) },
            job with { After = [new string('b', 64)] },
            job with { Inputs = new Dictionary<string, JobInput> { ["weights"] = new("w", new string('b', 64), false) } },
            job with { Inputs = new Dictionary<string, JobInput> { ["weights"] = new("w", new string('a', 64), true) } },
        ];

        Assert.Equal(others.Length + 1, others.Append(job).Select(static other => other.Hash()).Distinct().Count());
        Assert.Equal(job.Hash(), (job with { MemoryBytes = 5, ExpectedSeconds = 7 }).Hash());
    }

    private sealed class CountingStore(IContentStore store) : IContentStore
    {
        private int _opened;

        public int Opened => _opened;

        public Task PutAsync(string hash, string path, CancellationToken cancellationToken) => store.PutAsync(hash, path, cancellationToken);

        public Task<Stream> OpenAsync(string hash, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _opened);
            return store.OpenAsync(hash, cancellationToken);
        }
    }
}
