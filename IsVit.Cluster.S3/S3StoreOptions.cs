using System.Buffers;

namespace IsVit.Cluster.S3;

/// <summary>Where a content store in S3 is. Credentials are no part of it: the SDK finds them in the environment, in a profile, or from the machine's role.</summary>
public sealed record S3StoreOptions
{
    private const string Scheme = "s3://";
    private const int MostPrefix = 512;
    private static readonly SearchValues<char> s_bucket = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    private static readonly SearchValues<char> s_notInPrefix = SearchValues.Create("?#%\\@");

    /// <summary>The bucket. It must exist.</summary>
    public required string Bucket { get; init; }

    /// <summary>What the keys of all files begin with, without a slash at either end; empty for nothing.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>The address of a server other than Amazon's, which is asked in path style (<c>ENDPOINT/BUCKET/KEY</c>); null for Amazon's in the region that the SDK finds.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>A file of this many bytes or more is sent in parts of this size. Amazon takes 5 MiB to 5 GiB; a part is held in memory. Parts of files beyond 10,000 of them are larger.</summary>
    public int PartBytes { get; init; } = 16 << 20;

    /// <summary>How long a request, or while reading the server's next bytes, may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Reads <c>s3://BUCKET</c> or <c>s3://BUCKET/PREFIX</c>.</summary>
    /// <param name="url">The text. Characters stand for themselves.</param>
    /// <exception cref="ClusterException">It is something else.</exception>
    public static S3StoreOptions Parse(string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.Contains('@', StringComparison.Ordinal))
        {
            // Not repeated: what is before the sign may be secret.
            throw new ClusterException("The URL of the store has an '@'; expected s3://BUCKET/PREFIX without credentials, which belong into the environment or a profile.");
        }

        if (!url.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            throw new ClusterException($"The store is '{url}'; expected s3://BUCKET or s3://BUCKET/PREFIX.");
        }

        var rest = url[Scheme.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var (bucket, prefix) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..]);
        var options = new S3StoreOptions { Bucket = bucket, Prefix = prefix.EndsWith('/') ? prefix[..^1] : prefix };
        options.Require();
        return options;
    }

    /// <summary>Throws unless the options can be used.</summary>
    internal void Require()
    {
        if (Bucket.Length is < 3 or > 255 || Bucket.AsSpan().ContainsAnyExcept(s_bucket) || !char.IsAsciiLetterOrDigit(Bucket[0]))
        {
            throw new ClusterException($"The store's bucket is '{Bucket}'; expected 3 to 255 letters, digits, dots, hyphens and underscores.");
        }

        if (Prefix.Length > MostPrefix || Prefix.AsSpan().ContainsAny(s_notInPrefix) || Prefix.Any(char.IsControl) || (Prefix.Length > 0 && Prefix.Split('/').Any(static part => part is "" or "." or "..")))
        {
            throw new ClusterException($"The store's prefix in the bucket '{Bucket}' is '{Prefix}'; expected names with single slashes between them, without '?', '#', '%', '@', backslashes, '.' and '..', {MostPrefix} characters at most.");
        }

        if (Endpoint is not null && (!Endpoint.IsAbsoluteUri || Endpoint.Scheme is not ("http" or "https") || Endpoint.UserInfo.Length > 0 || Endpoint.Query.Length > 0 || Endpoint.Fragment.Length > 0))
        {
            // Not repeated: it may hold a password.
            throw new ClusterException("The store's endpoint is not as expected: http://HOST:PORT or https://HOST, without user, query and fragment.");
        }

        if (PartBytes < 1)
        {
            throw new ClusterException(FormattableString.Invariant($"The store's parts are of {PartBytes} bytes; expected 1 or more."));
        }

        if (Timeout <= TimeSpan.Zero)
        {
            throw new ClusterException(FormattableString.Invariant($"The store's time limit is {Timeout}; expected more than nothing."));
        }
    }
}
