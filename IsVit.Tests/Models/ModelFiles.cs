using System.Globalization;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using TorchSharp;

namespace IsVit.Tests.Models;

/// <summary>What the model tests share.</summary>
internal static class ModelFiles
{
    /// <summary>A small model of the shared oracles with its weights, in evaluation mode.</summary>
    public static VisionTransformer LoadMicro(SafetensorsFile oracle)
    {
        var model = new VisionTransformer(new VisionTransformerOptions
        {
            ImageSize = Number(oracle, "img"),
            PatchSize = Number(oracle, "patch"),
            EmbedDim = Number(oracle, "dim"),
            Depth = Number(oracle, "depth"),
            HeadCount = Number(oracle, "heads"),
            ClassCount = Number(oracle, "classes"),
            LayerNormEps = double.Parse(oracle.Metadata["eps"], CultureInfo.InvariantCulture),
            Distilled = oracle.Metadata["kind"] == "deit-distilled",
        });
        Load(model, oracle);
        return model;
    }

    /// <summary>The small Swin transformer of the shared oracles with its weights, in evaluation mode.</summary>
    public static SwinTransformer LoadSwinMicro(SafetensorsFile oracle)
    {
        var model = new SwinTransformer(new SwinTransformerOptions
        {
            ImageSize = Number(oracle, "img"),
            PatchSize = Number(oracle, "patch"),
            WindowSize = Number(oracle, "window"),
            EmbedDim = Number(oracle, "dim"),
            Depths = Numbers(oracle, "depths"),
            HeadCounts = Numbers(oracle, "heads"),
            ClassCount = Number(oracle, "classes"),
            LayerNormEps = double.Parse(oracle.Metadata["eps"], CultureInfo.InvariantCulture),
        });
        Load(model, oracle);
        return model;
    }

    /// <summary>The largest absolute difference of two tensors.</summary>
    public static double MaxDifference(torch.Tensor a, torch.Tensor b)
    {
        using var scope = torch.NewDisposeScope();
        return (a.to(torch.float64) - b.to(torch.float64)).abs().max().item<double>();
    }

    private static int Number(SafetensorsFile oracle, string key) => int.Parse(oracle.Metadata[key], CultureInfo.InvariantCulture);

    private static int[] Numbers(SafetensorsFile oracle, string key) => [.. oracle.Metadata[key].Split(',').Select(static text => int.Parse(text, CultureInfo.InvariantCulture))];

    private static void Load(torch.nn.Module model, SafetensorsFile oracle)
    {
        StateDict.Load(model, oracle, new StateDictLoadOptions { Prefix = "state/" });
        model.eval();
    }
}
