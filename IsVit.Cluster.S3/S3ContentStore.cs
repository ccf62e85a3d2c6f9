using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using IsVit.Cluster.Content;

namespace IsVit.Cluster.S3;

/// <summary>A content store in a bucket of Amazon S3, or of a server that speaks its protocol: <c>PREFIX/01/0123...</c>, a file's hash behind its first two digits. What is sent is hashed on the way, and is in the bucket only if that is the hash.</summary>
/// <remarks>It gets and puts objects, and asks whether they are there: <c>s3:GetObject</c>, <c>s3:PutObject</c>, <c>s3:AbortMultipartUpload</c>, and <c>s3:ListBucket</c>, without which S3 does not tell a missing object from a forbidden one.</remarks>
public sealed class S3ContentStore : IContentStore, IDisposable
{
    private const int MostParts = 10_000;
    private static readonly string Nothing = new('0', 64);
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan AbortTime = TimeSpan.FromSeconds(15);

    private readonly S3StoreOptions _options;
    private readonly IAmazonS3 _client;
    private readonly bool _ownsClient;
    private readonly string _server;

    /// <summary>Makes the store, with the credentials and, where there is no endpoint, the region that the SDK finds. Asks nothing yet.</summary>
    /// <param name="options">Where it is.</param>
    /// <exception cref="ClusterException">An option cannot be used, or no region is set.</exception>
    public S3ContentStore(S3StoreOptions options)
        : this(options, CreateClient(options)) => _ownsClient = true;

    /// <summary>Makes the store with a client of the caller's, who disposes of it. <see cref="S3StoreOptions.Endpoint"/> is the client's then.</summary>
    /// <param name="options">Where it is.</param>
    /// <param name="client">The client.</param>
    /// <exception cref="ClusterException">An option cannot be used.</exception>
    public S3ContentStore(S3StoreOptions options, IAmazonS3 client)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(client);
        options.Require();
        (_options, _client) = (options, client);
        _server = Uri.TryCreate(client.Config.ServiceURL, UriKind.Absolute, out var address)
            ? address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped)
            : $"Amazon's region {client.Config.RegionEndpoint?.SystemName}";
    }

    /// <summary>Asks whether the bucket is there and may be used, so that a mistake is known before work depends on it.</summary>
    /// <param name="cancellationToken">Stops asking.</param>
    /// <exception cref="ClusterException">There is no such bucket.</exception>
    /// <exception cref="IOException">The server cannot be reached, or refuses access.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            // The answer to a question for an object tells a missing bucket from a missing object, and needs no rights that the store does not.
            using var _ = await OpenAsync(Nothing, cancellationToken).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
            // As it should be: no file has this hash.
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ClusterException">There is no such bucket, or the file has another hash by now.</exception>
    public async Task PutAsync(string hash, string path, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var key = KeyOf(hash);
        if (await ExistsAsync(key, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        using var parts = new FileParts(path, _options.PartBytes, MostParts);
        await parts.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (parts.IsLast)
        {
            parts.Require(hash);
            var request = new PutObjectRequest { BucketName = _options.Bucket, Key = key, InputStream = parts.Content(), UseChunkEncoding = false };
            await AskAsync(key, () => _client.PutObjectAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await PutPartsAsync(key, hash, parts, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ClusterException">There is no such bucket.</exception>
    /// <exception cref="IOException">The server cannot be reached, or refuses access; reading may throw it as well.</exception>
    public async Task<Stream> OpenAsync(string hash, CancellationToken cancellationToken)
    {
        var key = KeyOf(hash);
        var answer = await AskAsync(key, () => _client.GetObjectAsync(new GetObjectRequest { BucketName = _options.Bucket, Key = key }, cancellationToken), cancellationToken).ConfigureAwait(false);
        return new S3ObjectStream(answer, _options.Timeout, IsOfServer, error => Explained(key, error));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsClient)
        {
            _client.Dispose();
        }
    }

    private static AmazonS3Client CreateClient(S3StoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Require();
        var config = new AmazonS3Config
        {
            Timeout = options.Timeout,
            ConnectTimeout = ConnectTime,

            // Servers other than Amazon's may not know them, and SHA-256 goes over all content in both directions anyway.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (options.Endpoint is { } endpoint)
        {
            config.ServiceURL = endpoint.AbsoluteUri;
            config.ForcePathStyle = true;
            config.AuthenticationRegion = FallbackRegionFactory.GetRegionEndpoint(includeInstanceMetadata: false)?.SystemName ?? "us-east-1";
        }

        try
        {
            return new AmazonS3Client(config);
        }
        catch (AmazonClientException error) when (options.Endpoint is null)
        {
            throw new ClusterException($"The store s3://{options.Bucket} cannot be opened: {error.Message}. Expected a region, in the variable AWS_REGION or a profile, or an endpoint.", error);
        }
    }

    private async Task<bool> ExistsAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            await _client.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = _options.Bucket, Key = key }, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (AmazonServiceException error) when (error.StatusCode == HttpStatusCode.NotFound)
        {
            return false;
        }
        catch (Exception error) when (IsOfServer(error, cancellationToken))
        {
            throw Explained(key, error);
        }
    }

    private async Task PutPartsAsync(string key, string hash, FileParts parts, CancellationToken cancellationToken)
    {
        var begin = new InitiateMultipartUploadRequest { BucketName = _options.Bucket, Key = key };
        var upload = (await AskAsync(key, () => _client.InitiateMultipartUploadAsync(begin, cancellationToken), cancellationToken).ConfigureAwait(false)).UploadId;
        try
        {
            var sent = new List<PartETag>();
            while (parts.Count > 0)
            {
                var number = sent.Count + 1;
                var part = new UploadPartRequest { BucketName = _options.Bucket, Key = key, UploadId = upload, PartNumber = number, PartSize = parts.Count, InputStream = parts.Content(), UseChunkEncoding = false };
                var answer = await AskAsync(key, () => _client.UploadPartAsync(part, cancellationToken), cancellationToken).ConfigureAwait(false);
                sent.Add(new PartETag(number, answer.ETag));
                await parts.ReadAsync(cancellationToken).ConfigureAwait(false);
            }

            parts.Require(hash);
            var end = new CompleteMultipartUploadRequest { BucketName = _options.Bucket, Key = key, UploadId = upload, PartETags = sent };
            await AskAsync(key, () => _client.CompleteMultipartUploadAsync(end, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await AbortAsync(key, upload).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<T> AskAsync<T>(string key, Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception error) when (IsOfServer(error, cancellationToken))
        {
            throw Explained(key, error);
        }
    }

    // Parts that stay cost room until the bucket's own rule deletes them, and nothing else depends on them.
    private async Task AbortAsync(string key, string upload)
    {
        try
        {
            using var limit = new CancellationTokenSource(AbortTime);
            await _client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = _options.Bucket, Key = key, UploadId = upload }, limit.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (IsOfServer(error, CancellationToken.None))
        {
            // What went wrong before is what is said.
        }
    }

    private static bool IsOfServer(Exception error, CancellationToken cancellationToken) =>
        !cancellationToken.IsCancellationRequested && error is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or TimeoutException or OperationCanceledException;

    // As the interface says it. A server's words about credentials are not repeated.
    private Exception Explained(string key, Exception error) => error switch
    {
        AmazonServiceException { ErrorCode: "NoSuchBucket" } => NoBucket(error),
        AmazonServiceException { ErrorCode: "NoSuchKey" } => new FileNotFoundException($"{Name(key)} does not exist.", error),
        AmazonServiceException { StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } refused => new IOException($"{Name(key)}: access is refused ({refused.ErrorCode}). Check the credentials that the AWS SDK finds on this machine, and that they allow to get, put and list.", error),
        AmazonServiceException service => new IOException(FormattableString.Invariant($"{Name(key)}: the server answers {(int)service.StatusCode} {service.ErrorCode}: {service.Message}"), error),
        TimeoutException or OperationCanceledException => new IOException(FormattableString.Invariant($"{Name(key)}: no answer within {_options.Timeout.TotalSeconds} s."), error),
        _ => new IOException($"{Name(key)} cannot be reached: {error.Message.ReplaceLineEndings(" ")}", error),
    };

    private ClusterException NoBucket(Exception error) => new($"There is no bucket '{_options.Bucket}' at {_server}.", error);

    private string Name(string key) => $"s3://{_options.Bucket}/{key} at {_server}";

    private string KeyOf(string hash) => $"{(_options.Prefix.Length > 0 ? $"{_options.Prefix}/" : "")}{ContentHash.Require(hash)[..2]}/{hash}";
}
