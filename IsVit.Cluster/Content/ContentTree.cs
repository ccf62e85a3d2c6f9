using System.Buffers;
using System.Text.Json;

namespace IsVit.Cluster.Content;

/// <summary>The list of a folder's files, which is kept as a file of its own: its hash is the folder's.</summary>
/// <param name="Files">Hash by relative path, with forward slashes, in ordinal order.</param>
internal sealed record ContentTree(IReadOnlyList<ContentTreeFile> Files)
{
    private const int MostBytes = 1 << 28;
    private static readonly SearchValues<char> s_reserved = SearchValues.Create("/\\:*?\"<>|");

    /// <summary>The list as it is kept.</summary>
    public byte[] Serialize() => JsonSerializer.SerializeToUtf8Bytes(this);

    /// <summary>Reads a list. A path that leads out of the folder is refused.</summary>
    /// <exception cref="ClusterException">It is none.</exception>
    public static ContentTree Parse(string hash, ReadOnlySpan<byte> json)
    {
        ContentTree? tree;
        try
        {
            tree = json.Length <= MostBytes ? JsonSerializer.Deserialize<ContentTree>(json) : null;
        }
        catch (JsonException error)
        {
            throw new ClusterException($"{hash} is no list of a folder's files: {error.Message}", error);
        }

        if (tree?.Files is null || tree.Files.Any(static file => file?.Path is null || file.Hash is null))
        {
            throw new ClusterException($"{hash} is no list of a folder's files.");
        }

        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in tree.Files)
        {
            ContentHash.Require(file.Hash);
            if (!IsWithin(file.Path) || !seen.Add(file.Path))
            {
                throw new ClusterException($"{hash} lists the file '{file.Path}'; expected relative paths within the folder, each once.");
            }
        }

        return tree;
    }

    /// <summary>Whether a name is one of a file in a folder, and neither leads elsewhere nor means something to the system.</summary>
    public static bool IsFileName(string name) =>
        name.Length is > 0 and <= 255 && name is not ("." or "..") && !name.AsSpan().ContainsAny(s_reserved) && !name.Any(char.IsControl) && name[^1] is not (' ' or '.');

    private static bool IsWithin(string path) => path.Split('/').All(IsFileName);
}
