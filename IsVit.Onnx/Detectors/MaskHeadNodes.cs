using System.Globalization;
using IsVit.Detection.Models;
using IsVit.Onnx.Models;

namespace IsVit.Onnx.Detectors;

/// <summary>The nodes of a head that draws masks.</summary>
/// <param name="layers">Makes the layers.</param>
internal sealed class MaskHeadNodes(LayerNodes layers)
{
    private readonly ConvolutionBlockNodes _blocks = new(layers);

    /// <summary>Adds those of one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="head">The head.</param>
    /// <param name="features">[regions, channels, side, side].</param>
    /// <returns>Logits [regions, classes, 2 side, 2 side].</returns>
    public string Add(string path, MaskHead head, string features)
    {
        var x = features;
        for (var i = 0; i < head.Convs.Count; i++)
        {
            x = _blocks.Add(string.Create(CultureInfo.InvariantCulture, $"{path}.convs.{i}"), head.Convs[i], x);
        }

        x = layers.Graph.Add("Relu", [layers.Upsampling($"{path}.upsample", head.Upsample, x)]);
        return layers.Convolution($"{path}.conv_logits", head.ConvLogits)(x);
    }
}
