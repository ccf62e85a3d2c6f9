using System.Globalization;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using TorchSharp;

namespace IsVit.Tests.Models;

/// <summary>What the model tests share.</summary>
internal static class ModelFiles
{
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
