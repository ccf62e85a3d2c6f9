using System.Text.RegularExpressions;

namespace IsVit.Core.Models.Pretrained;

/// <summary>Which file a path of weights means.</summary>
/// <param name="File">The file, or the index of several.</param>
/// <param name="Folder">The folder that the files beside it are looked for in.</param>
/// <param name="Note">What was found out, or null.</param>
internal sealed partial record WeightLocation(string File, string Folder, string? Note)
{
    // As Hugging Face and timm name them, the best first.
    private static readonly string[] Names = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

    private static readonly string[] Extensions = [".safetensors", ".bin", ".pth", ".pt", ".dat"];

    /// <summary>Finds it.</summary>
    /// <param name="path">A file, or a folder such as a snapshot of a model hub.</param>
    /// <exception cref="PretrainedModelException">There is no such file or folder, a folder has none or several files of weights, or a file is one of several without their index.</exception>
    public static WeightLocation Of(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Path.GetFullPath(path);
        if (Directory.Exists(path))
        {
            return new WeightLocation(InFolder(path), path, null);
        }

        if (!System.IO.File.Exists(path))
        {
            throw new PretrainedModelException($"{path}: no such file or folder of weights.");
        }

        var folder = Path.GetDirectoryName(path)!;
        if (Shard().Match(Path.GetFileName(path)) is not { Success: true } shard || shard.Groups["count"].Value == "00001")
        {
            return new WeightLocation(path, folder, null);
        }

        var index = Path.Combine(folder, $"{shard.Groups["stem"].Value}{shard.Groups["extension"].Value}.index.json");
        return System.IO.File.Exists(index)
            ? new WeightLocation(index, folder, $"{Path.GetFileName(path)} is one of {shard.Groups["count"].Value.TrimStart('0')} files of one model: all are read, by {Path.GetFileName(index)}")
            : throw new PretrainedModelException($"{path}: one of {shard.Groups["count"].Value.TrimStart('0')} files of one model; expected their index beside it, '{Path.GetFileName(index)}', found none.");
    }

    private static string InFolder(string folder)
    {
        if (Names.Select(name => Path.Combine(folder, name)).FirstOrDefault(System.IO.File.Exists) is { } known)
        {
            return known;
        }

        var others = Directory.GetFiles(folder).Where(static file => Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).ToList();
        return others.Count == 1
            ? others[0]
            : throw new PretrainedModelException($"{folder}: expected a file of weights, {Names[0]} or another, found {(others.Count == 0 ? "none" : $"{string.Join(", ", others.Take(3).Select(Path.GetFileName))}{(others.Count > 3 ? ", ..." : string.Empty)}; give the file")}.");
    }

    [GeneratedRegex(@"^(?<stem>.+)-\d{5}-of-(?<count>\d{5})(?<extension>\.\w+)$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, Timeout.Infinite)]
    private static partial Regex Shard();
}
