using IsVit.Core.Models.WeightFiles;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Small whole files.</summary>
internal static class Seeds
{
    /// <summary>Tensors of many types and shapes.</summary>
    public static Dictionary<string, torch.Tensor> Tensors() => new(StringComparer.Ordinal)
    {
        ["blocks.0.weight"] = torch.arange(6, torch.float32).view(2, 3),
        ["blocks.0.bias"] = torch.arange(3, torch.float64),
        ["mask"] = torch.ones(3, torch.ScalarType.Bool),
        ["half"] = torch.ones(2, torch.float16),
        ["brain"] = torch.ones(2, 2, 2, torch.bfloat16),
        ["none"] = torch.zeros(0, 4),
        ["one"] = torch.tensor(7L),
        ["codes"] = torch.arange(5, torch.uint8),
    };

    /// <summary>A safetensors file of some of them.</summary>
    /// <param name="folder">Where it is written for a moment.</param>
    /// <param name="tensors">The tensors.</param>
    public static byte[] Safetensors(string folder, IEnumerable<KeyValuePair<string, torch.Tensor>> tensors)
    {
        var path = Path.Combine(folder, "whole.safetensors");
        SafetensorsFile.Write(path, tensors, new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt", ["k"] = "v" });
        return Taken(path);
    }

    /// <summary>A file's content; the file goes.</summary>
    /// <param name="path">The file.</param>
    public static byte[] Taken(string path)
    {
        var content = File.ReadAllBytes(path);
        File.Delete(path);
        return content;
    }
}
