using System.Globalization;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using TorchSharp;

namespace IsVit.Tests.Models;

/// <summary>Reads what the model tests compare with, from the shared data beside the repository.</summary>
internal static class ModelFiles
{
    /// <summary>The path of a shared file; the test is skipped where it is absent.</summary>
    public static string Shared(params string[] parts)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "IsVit.sln")))
        {
            folder = folder.Parent;
        }

        var path = Path.Combine([folder?.Parent?.FullName ?? ".", "shared", .. parts]);
        Assert.SkipUnless(File.Exists(path), $"{Path.Combine(parts)} is not in the shared data.");
        return path;
    }

    /// <summary>A small model of the shared oracles with its weights, in evaluation mode.</summary>
    public static VisionTransformer LoadMicro(SafetensorsFile oracle)
    {
        int Number(string key) => int.Parse(oracle.Metadata[key], CultureInfo.InvariantCulture);
        var model = new VisionTransformer(new VisionTransformerOptions
        {
            ImageSize = Number("img"),
            PatchSize = Number("patch"),
            EmbedDim = Number("dim"),
            Depth = Number("depth"),
            HeadCount = Number("heads"),
            ClassCount = Number("classes"),
            LayerNormEps = double.Parse(oracle.Metadata["eps"], CultureInfo.InvariantCulture),
            Distilled = oracle.Metadata["kind"] == "deit-distilled",
        });
        StateDict.Load(model, oracle, new StateDictLoadOptions { Prefix = "state/" });
        model.eval();
        return model;
    }

    /// <summary>The largest absolute difference of two tensors.</summary>
    public static double MaxDifference(torch.Tensor a, torch.Tensor b)
    {
        using var scope = torch.NewDisposeScope();
        return (a.to(torch.float64) - b.to(torch.float64)).abs().max().item<double>();
    }
}
