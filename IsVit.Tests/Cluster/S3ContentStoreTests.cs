using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Amazon.Runtime;
using Amazon.S3;
using IsVit.Cluster;
using IsVit.Cluster.Content;
using IsVit.Cluster.Jobs;
using IsVit.Cluster.S3;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Cluster;

/// <summary>Files in a bucket, with a real server.</summary>
public sealed class S3ContentStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, 1000)]
    [InlineData(1, 1000)]
    [InlineData(999, 1000)]
    [InlineData(1000, 1000)]
    [InlineData(2500, 1000)]
    [InlineData(3000, 1000)]
    [InlineData(3_000_000, 16_000_000)]
    public async Task PutAndOpen_FilesOfAnySize_AreTheSameBytes(int bytes, int partBytes)
    {
        using var server = S3Server.StartOrSkip();
        using var store = new S3ContentStore(Options(server) with { PartBytes = partBytes });
        var (file, hash) = Random(bytes);

        await store.PutAsync(hash, file, Token);

        Assert.Equal(await File.ReadAllBytesAsync(file, Token), await ReadAsync(store, hash));
        var path = $"/isvit/some/where/{hash[..2]}/{hash}";
        string[] whole = [$"PUT {path}"];
        string[] inParts = [$"POST {path}?uploads", .. Enumerable.Range(1, (bytes + partBytes - 1) / partBytes).Select(i => string.Create(CultureInfo.InvariantCulture, $"PUT {path}?partNumber={i}&uploadId=ID")), $"POST {path}?uploadId=ID"];
        Assert.Equal([$"HEAD {path}", .. bytes < partBytes ? whole : inParts, $"GET {path}"], server.Requests.Select(static request => request.IndexOf("uploadId=", StringComparison.Ordinal) is > 0 and var id ? $"{request[..id]}uploadId=ID" : request));
    }

    [Fact]
    public async Task Put_Again_SendsNothing()
    {
        using var server = S3Server.StartOrSkip();
        using var store = new S3ContentStore(Options(server));
        using var other = new S3ContentStore(Options(server));
        var (file, hash) = Random(100);

        await store.PutAsync(hash, file, Token);
        await store.PutAsync(hash, file, Token);
        await other.PutAsync(hash, file, Token);

        Assert.Equal(["HEAD", "PUT", "HEAD", "HEAD"], server.Requests.Select(static request => request.Split(' ')[0]));
    }

    [Fact]
    public async Task UploadAndCache_FolderThroughTheBucket_IsAsItWas()
    {
        using var server = S3Server.StartOrSkip();
        using var store = new S3ContentStore(new S3StoreOptions { Bucket = S3Server.Bucket, Endpoint = server.Endpoint });
        _folder.File("images/a.png", "a"u8);
        _folder.File("images/inside/b.png", "b"u8);

        var input = await new ContentUpload(store).FolderAsync(_folder["images"], Token);
        var copy = await new ContentCache(store, _folder["cache"]).GetAsync(input, Token);

        Assert.Equal(["a.png", "inside/b.png"], Directory.GetFiles(copy, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(copy, path).Replace('\\', '/')).Order(StringComparer.Ordinal));
        Assert.Equal("b", await File.ReadAllTextAsync(Path.Combine(copy, "inside", "b.png"), Token));
    }

    [Fact]
    public async Task Put_FileThatHasAnotherHash_SendsNothingOfIt()
    {
        using var server = S3Server.StartOrSkip();
        using var store = new S3ContentStore(Options(server));
        var (file, hash) = Random(100);
        var other = hash[..^1] + (hash[^1] == '0' ? '1' : '0');

        var error = await Assert.ThrowsAsync<ClusterException>(() => store.PutAsync(other, file, Token));

        Assert.Contains($"'{file}' has changed while it was put into the store: its SHA-256 was {other} and is {hash}", error.Message, StringComparison.Ordinal);
        Assert.StartsWith("HEAD ", Assert.Single(server.Requests), StringComparison.Ordinal);
    }

    /// <summary>Its last part changes when the first is on its way.</summary>
    [Fact]
    public async Task Put_FileThatChangesBetweenParts_IsNotInTheBucket()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A file that is read cannot be written to there.");
        using var server = S3Server.StartOrSkip();
        using var client = Client(server, S3Server.Key);
        using var store = new S3ContentStore(Options(server) with { PartBytes = 1000 }, client);
        var (file, hash) = Random(2500);
        client.BeforeRequestEvent += (_, _) =>
        {
            if (server.Requests.Any(static request => request.Contains("?uploads", StringComparison.Ordinal)))
            {
                using var writer = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                writer.Position = 2400;
                writer.Write("changed"u8);
            }
        };

        var error = await Assert.ThrowsAsync<ClusterException>(() => store.PutAsync(hash, file, Token));

        Assert.Contains("has changed while it was put into the store", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, server.Requests.Count(static request => request.Contains("?partNumber=", StringComparison.Ordinal)));
        Assert.Contains(server.Requests, static request => request.StartsWith("DELETE ", StringComparison.Ordinal) && request.Contains("?uploadId=", StringComparison.Ordinal));
        await Assert.ThrowsAsync<FileNotFoundException>(() => store.OpenAsync(hash, Token));
    }

    [Fact]
    public async Task Open_WhatIsNotThere_NamesIt()
    {
        using var server = S3Server.StartOrSkip();
        using var store = new S3ContentStore(Options(server));
        var (_, hash) = Random(1);

        var error = await Assert.ThrowsAsync<FileNotFoundException>(() => store.OpenAsync(hash, Token));

        Assert.Equal($"s3://isvit/some/where/{hash[..2]}/{hash} at {server.Endpoint} does not exist.", error.Message);
        Assert.Contains("is no SHA-256", (await Assert.ThrowsAsync<ClusterException>(() => store.OpenAsync("../other", Token))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bucket_ThatIsNotThere_IsNamed()
    {
        using var server = S3Server.StartOrSkip();
        using var right = new S3ContentStore(Options(server));
        using var wrong = new S3ContentStore(Options(server) with { Bucket = "elsewhere" });
        var (file, hash) = Random(1);

        await right.CheckAsync(Token);
        ClusterException[] errors =
        [
            await Assert.ThrowsAsync<ClusterException>(() => wrong.CheckAsync(Token)),
            await Assert.ThrowsAsync<ClusterException>(() => wrong.PutAsync(hash, file, Token)),
            await Assert.ThrowsAsync<ClusterException>(() => wrong.OpenAsync(hash, Token)),
        ];

        Assert.All(errors, error => Assert.Equal($"There is no bucket 'elsewhere' at {server.Endpoint}.", error.Message));
    }

    [Fact]
    public async Task Credentials_ThatAreWrong_AreNotRepeated()
    {
        using var server = S3Server.StartOrSkip();
        var (file, hash) = Random(1);
        foreach (var key in new[] { "unknown", S3Server.Key })
        {
            using var client = new AmazonS3Client(new BasicAWSCredentials(key, "wrong-secret"), new AmazonS3Config { ServiceURL = server.Endpoint.AbsoluteUri, ForcePathStyle = true });
            using var store = new S3ContentStore(Options(server), client);

            IOException[] errors =
            [
                await Assert.ThrowsAsync<IOException>(() => store.CheckAsync(Token)),
                await Assert.ThrowsAsync<IOException>(() => store.PutAsync(hash, file, Token)),
                await Assert.ThrowsAsync<IOException>(() => store.OpenAsync(hash, Token)),
            ];

            Assert.All(errors, error =>
            {
                Assert.StartsWith("s3://isvit/", error.Message, StringComparison.Ordinal);
                Assert.Contains($" at {server.Endpoint}: access is refused (", error.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(key, error.Message, StringComparison.Ordinal);
                Assert.DoesNotContain("wrong-secret", error.Message, StringComparison.Ordinal);
            });
        }
    }

    [Fact]
    public async Task Server_ThatIsAwayAndComesBack_IsAskedAgain()
    {
        using var server = S3Server.StartOrSkip();
        using var store = new S3ContentStore(Options(server));
        var (file, hash) = Random(100);
        server.Stop();

        var put = await Assert.ThrowsAsync<IOException>(() => store.PutAsync(hash, file, Token));
        var open = await Assert.ThrowsAsync<IOException>(() => store.OpenAsync(hash, Token));
        var check = await Assert.ThrowsAsync<IOException>(() => store.CheckAsync(Token));
        server.Start();
        await store.PutAsync(hash, file, Token);

        Assert.All([put, open], error => Assert.StartsWith($"s3://isvit/some/where/{hash[..2]}/{hash} at {server.Endpoint} cannot be reached: ", error.Message, StringComparison.Ordinal));
        Assert.Contains($" at {server.Endpoint} cannot be reached: ", check.Message, StringComparison.Ordinal);
        Assert.Equal(100, (await ReadAsync(store, hash)).Length);
    }

    /// <summary>The server goes when the job has its input, and comes back when the worker has asked for it in vain.</summary>
    [Fact]
    public async Task Job_ServerIsAwayAtItsEnd_HandsInWhatItHas()
    {
        using var server = S3Server.StartOrSkip();
        using var store = new S3ContentStore(Options(server));
        var failing = new FailureSignal(store);
        var weights = await new ContentUpload(store).FileAsync(_folder.File("weights", "numbers"u8), Token);
        await using var silo = await OneSilo.StartAsync(
            _folder,
            (run, _) =>
            {
                var text = File.ReadAllText(run.Inputs["weights"]);
                server.Stop();
                return Task.FromResult(OneSilo.Result(run, text));
            },
            content: failing);

        var jobs = await silo.Submit(OneSilo.Job(1, new Dictionary<string, JobInput> { ["weights"] = weights }));
        await failing.Failed.WaitAsync(TimeSpan.FromMinutes(2), Token);
        server.Start();
        var status = Assert.Single(await silo.EndOf(jobs));

        Assert.Equal((JobState.Done, null, 1), (status.State, status.Error, status.Tries));
        Assert.Equal("numbers", await silo.TextOf(status.Result!.Files[0]));
    }

    /// <summary>A server that takes a request and says nothing, and one that stops in the middle of a file, silent or closed.</summary>
    [Theory]
    [InlineData("", false, "no answer within 0.5 s")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false, "no answer within 0.5 s")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true, "cannot be reached: ")]
    public async Task Read_ServerThatStops_EndsWithAnError(string answer, bool closes, string expected)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var end = new CancellationTokenSource();
        var serving = ServeAsync();
        var endpoint = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
        using var client = new AmazonS3Client(new BasicAWSCredentials("key", "secret"), new AmazonS3Config { ServiceURL = endpoint, ForcePathStyle = true, Timeout = TimeSpan.FromSeconds(0.5), MaxErrorRetry = 0, ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED });
        using var store = new S3ContentStore(new S3StoreOptions { Bucket = "isvit", Timeout = TimeSpan.FromSeconds(0.5) }, client);
        var (_, hash) = Random(10);

        var error = await Assert.ThrowsAsync<IOException>(() => ReadAsync(store, hash));
        await end.CancelAsync();
        await serving;

        Assert.StartsWith($"s3://isvit/{hash[..2]}/{hash} at {endpoint}", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);

        async Task ServeAsync()
        {
            var taken = new List<TcpClient>();
            try
            {
                while (true)
                {
                    var connection = await listener.AcceptTcpClientAsync(end.Token);
                    taken.Add(connection);
                    _ = await connection.GetStream().ReadAsync(new byte[10_000], end.Token);
                    await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer), end.Token);
                    if (closes)
                    {
                        connection.Close();
                    }
                }
            }
            catch (OperationCanceledException)
            {
                taken.ForEach(static connection => connection.Dispose());
            }
        }
    }

    [Theory]
    [InlineData("s3://bucket", "bucket", "")]
    [InlineData("S3://bucket/", "bucket", "")]
    [InlineData("s3://my.bucket-1/a", "my.bucket-1", "a")]
    [InlineData("s3://bucket/a/b c/", "bucket", "a/b c")]
    public void Parse_Url_IsBucketAndPrefix(string url, string bucket, string prefix)
    {
        var options = S3StoreOptions.Parse(url);

        Assert.Equal((bucket, prefix, null), (options.Bucket, options.Prefix, options.Endpoint));
    }

    [Theory]
    [InlineData("", "The store is ''; expected s3://BUCKET")]
    [InlineData("s3:/bucket", "The store is 's3:/bucket'; expected s3://BUCKET")]
    [InlineData("https://bucket", "The store is 'https://bucket'; expected s3://BUCKET")]
    [InlineData("s3://", "The store's bucket is ''; expected 3 to 255")]
    [InlineData("s3:///prefix", "The store's bucket is ''; expected 3 to 255")]
    [InlineData("s3://ab", "The store's bucket is 'ab'; expected 3 to 255")]
    [InlineData("s3://buc ket/a", "The store's bucket is 'buc ket'; expected")]
    [InlineData("s3://bucket:9000/a", "The store's bucket is 'bucket:9000'; expected")]
    [InlineData("s3://-bucket/a", "The store's bucket is '-bucket'; expected")]
    [InlineData("s3://bucket//a", "is '/a'; expected names with single slashes")]
    [InlineData("s3://bucket/a//b", "is 'a//b'; expected names with single slashes")]
    [InlineData("s3://bucket/../b", "is '../b'; expected names with single slashes")]
    [InlineData("s3://bucket/a?endpoint=x", "is 'a?endpoint=x'; expected names with single slashes")]
    [InlineData("s3://bucket/a%20b", "is 'a%20b'; expected names with single slashes")]
    public void Parse_UrlThatIsNone_IsRefused(string url, string expected) =>
        Assert.Contains(expected, Assert.Throws<ClusterException>(() => S3StoreOptions.Parse(url)).Message, StringComparison.Ordinal);

    [Fact]
    public void Options_WithCredentials_AreRefusedAndNotRepeated()
    {
        var url = Assert.Throws<ClusterException>(() => S3StoreOptions.Parse("s3://name:secret@bucket/a"));
        var endpoint = Assert.Throws<ClusterException>(() => new S3ContentStore(new S3StoreOptions { Bucket = "bucket", Endpoint = new Uri("https://name:secret@host") }));

        Assert.Contains("expected s3://BUCKET/PREFIX without credentials", url.Message, StringComparison.Ordinal);
        Assert.Contains("expected: http://HOST:PORT or https://HOST", endpoint.Message, StringComparison.Ordinal);
        Assert.All([url, endpoint], static error => Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Options_ThatCannotBe_AreRefused()
    {
        var options = new S3StoreOptions { Bucket = "bucket", Endpoint = new Uri("http://127.0.0.1:1") };

        Assert.Contains("parts are of 0 bytes", Assert.Throws<ClusterException>(() => new S3ContentStore(options with { PartBytes = 0 })).Message, StringComparison.Ordinal);
        Assert.Contains("time limit is 00:00:00", Assert.Throws<ClusterException>(() => new S3ContentStore(options with { Timeout = TimeSpan.Zero })).Message, StringComparison.Ordinal);
        Assert.Contains("The store's endpoint", Assert.Throws<ClusterException>(() => new S3ContentStore(options with { Endpoint = new Uri("ftp://host") })).Message, StringComparison.Ordinal);
    }

    /// <summary>S3 takes no more than 10,000 parts.</summary>
    [Theory]
    [InlineData(10_000, 1, 5000)]
    [InlineData(10_001, 1, 5001)]
    [InlineData(25_000, 1, 4)]
    public async Task Parts_OfALongFile_AreNotTooMany(int bytes, int partBytes, int most)
    {
        var (file, hash) = Random(bytes);
        using var parts = new FileParts(file, partBytes, most);

        var count = 0;
        await parts.ReadAsync(Token);
        while (parts.Count > 0)
        {
            count++;
            await parts.ReadAsync(Token);
        }

        Assert.InRange(count, 2, most);
        parts.Require(hash);
    }

    private static S3StoreOptions Options(S3Server server) => S3StoreOptions.Parse($"s3://{S3Server.Bucket}/some/where") with { Endpoint = server.Endpoint };

    private static AmazonS3Client Client(S3Server server, string secret) => new(new BasicAWSCredentials(S3Server.Key, secret), new AmazonS3Config { ServiceURL = server.Endpoint.AbsoluteUri, ForcePathStyle = true, RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED });

    private static async Task<byte[]> ReadAsync(S3ContentStore store, string hash)
    {
        using var read = new MemoryStream();
        await using var stream = await store.OpenAsync(hash, Token);
        await stream.CopyToAsync(read, Token);
        return read.ToArray();
    }

    private (string File, string Hash) Random(int bytes)
    {
        var content = new byte[bytes];
        new Random(bytes).NextBytes(content);
        return (_folder.File("content", content), Convert.ToHexStringLower(SHA256.HashData(content)));
    }

    private sealed class FailureSignal(IContentStore store) : IContentStore
    {
        private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Failed => _failed.Task;

        public async Task PutAsync(string hash, string path, CancellationToken cancellationToken)
        {
            try
            {
                await store.PutAsync(hash, path, cancellationToken);
            }
            catch (IOException)
            {
                _failed.TrySetResult();
                throw;
            }
        }

        public Task<Stream> OpenAsync(string hash, CancellationToken cancellationToken) => store.OpenAsync(hash, cancellationToken);
    }
}
