using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using IsVit.Core.Imaging;
using IsVit.Reports.Contents;

namespace IsVit.Tool.Inputs;

/// <summary>What tells one run's inputs from another's: hashes of files and of lists of images.</summary>
internal static class InputHashes
{
    /// <summary>A file, or a folder's files in the order of their names.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="path">Where it lies.</param>
    public static ReportFact OfFile(string name, string path) => new(name, Directory.Exists(path)
        ? OfAll(path, [.. Directory.EnumerateFiles(path).Order(StringComparer.Ordinal)])
        : $"{path}, SHA-256 {Convert.ToHexStringLower(Content(path))}");

    /// <summary>Images in their order, by their names and contents.</summary>
    /// <param name="name">What they are.</param>
    /// <param name="folder">The folder that they lie in.</param>
    /// <param name="images">The images.</param>
    public static ReportFact OfImages(string name, string folder, ImageList images) => new(name, OfAll(folder, [.. images.Select(static image => image.Path)]));

    private static string OfAll(string folder, IReadOnlyList<string> paths)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in paths)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetFileName(path)));
            hash.AppendData(File.Exists(path) ? Content(path) : []);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{folder}, {paths.Count} files, SHA-256 of names and contents {Convert.ToHexStringLower(hash.GetHashAndReset())}");
    }

    private static byte[] Content(string path)
    {
        using var file = File.OpenRead(path);
        return SHA256.HashData(file);
    }
}
