using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Models;

/// <summary>DeiT-Tiny with its real weights; tests that need it are skipped where they are absent.</summary>
internal static class DeitTiny
{
    /// <summary>The model, in evaluation mode.</summary>
    public static ImageClassifier Load()
    {
        var model = ModelCatalog.Create("deit_tiny_patch16_224");
        StateDict.Load(model, SharedData.Weights);
        model.eval();
        return model;
    }

    /// <summary>Two real images as the model takes them.</summary>
    public static Tensor Images()
    {
        using var oracle = SafetensorsFile.Open(SharedData.Oracle("deit_tiny_first8.safetensors"));
        return oracle.Read("preprocessed_first2");
    }
}
