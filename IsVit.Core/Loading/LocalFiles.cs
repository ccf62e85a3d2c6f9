using System.Security.Cryptography;
using System.Text;
using IsVit.Build;

namespace IsVit.Core.Loading;

/// <summary>Files made once for a user of a machine. Several processes may make the same at once.</summary>
internal sealed class LocalFiles
{
    private readonly string _folder;

    /// <param name="folder">Holds the files; made when needed.</param>
    public LocalFiles(string folder) => _folder = folder;

    /// <summary>Those of the user; those of this process alone if the user has no folder for such files.</summary>
    public static LocalFiles OfUser()
    {
        var data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create);
        return new LocalFiles(data.Length > 0 ? Path.Combine(data, "IsVit") : Directory.CreateTempSubdirectory("isvit-").FullName);
    }

    /// <summary>A copy of TorchSharp's library that needs an older libstdc++, see <see cref="TorchSharpLibrary"/>.</summary>
    /// <param name="library">The library as TorchSharp ships it; only read.</param>
    /// <exception cref="InvalidDataException">The library is not what is expected.</exception>
    /// <exception cref="IOException">The copy cannot be written.</exception>
    public string Patch(string library)
    {
        var image = File.ReadAllBytes(library);
        TorchSharpLibrary.LowerLibstdcxxRequirement(image);
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "TorchSharp", Key(SHA256.HashData(image)))).FullName;
        var copy = Path.Combine(folder, Path.GetFileName(library));
        if (!File.Exists(copy) || !File.ReadAllBytes(copy).AsSpan().SequenceEqual(image))
        {
            // A process that has loaded an earlier file keeps it; another that writes the same replaces one whole file by another.
            var own = Path.Combine(folder, Path.GetRandomFileName());
            File.WriteAllBytes(own, image);
            File.Move(own, copy, overwrite: true);
        }

        return copy;
    }

    /// <summary>One folder with links to all files of several, because libraries look for each other beside themselves.</summary>
    /// <param name="folders">At least one. If it is the only one, it is returned.</param>
    /// <exception cref="IOException">A link cannot be made.</exception>
    public string Join(IReadOnlyList<string> folders)
    {
        if (folders is [var only])
        {
            return only;
        }

        var joined = Directory.CreateDirectory(Path.Combine(_folder, "libtorch", Key(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', folders)))))).FullName;
        foreach (var file in folders.SelectMany(Directory.EnumerateFiles))
        {
            var link = Path.Combine(joined, Path.GetFileName(file));
            try
            {
                if (!File.Exists(link))
                {
                    File.CreateSymbolicLink(link, file);
                }
            }
            catch (IOException) when (File.Exists(link))
            {
                // Another process was quicker.
            }
        }

        return joined;
    }

    private static string Key(byte[] hash) => Convert.ToHexString(hash.AsSpan(0, 8)).ToLowerInvariant();
}
