using IsVit.Detection.Models;
using IsVit.Onnx.Models;

namespace IsVit.Onnx.Detectors;

/// <summary>The nodes of a convolution with what follows it.</summary>
/// <param name="layers">Makes the layers.</param>
internal sealed class ConvolutionBlockNodes(LayerNodes layers)
{
    /// <summary>Adds those of one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="block">The block.</param>
    /// <param name="x">[batch, channels, rows, columns].</param>
    public string Add(string path, ConvolutionBlock block, string x)
    {
        x = layers.Convolution($"{path}.conv", block.Conv)(x);
        x = block.Bn is { } norm ? layers.BatchNorm($"{path}.bn", norm, x) : x;
        return block.IsActivated ? layers.Graph.Add("Relu", [x]) : x;
    }
}
