using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Observation;

/// <summary>Vectors that a layer makes its outputs of, or the outputs that it makes of them, as rows, and how much each row counts.</summary>
internal static class VectorWeights
{
    /// <summary>A layer's outputs as a matrix, [vectors, output channels]; image by image, and place by place of a convolution.</summary>
    public static Tensor Rows(nn.Module layer, Tensor output)
    {
        var channelsLast = ChannelsLast(layer, output);
        return channelsLast.reshape(-1, channelsLast.shape[^1]);
    }

    /// <summary>A view of a layer's outputs whose last axis is that of the channels.</summary>
    public static Tensor ChannelsLast(nn.Module layer, Tensor output) => layer is Convolution ? output.movedim([1L], [-1L]) : output;

    /// <summary>How much each of some images' vectors counts, [vectors, 1].</summary>
    /// <param name="perImage">The weights of one image's vectors; null if all count alike.</param>
    /// <param name="rows">The vectors of all images.</param>
    public static Tensor Of(Tensor? perImage, Tensor rows)
    {
        var count = rows.shape[0];
        return perImage is null || count % perImage.shape[0] != 0
            ? ones(count, 1, float32, rows.device)
            : perImage.to(rows.device).repeat(count / perImage.shape[0]).unsqueeze(1);
    }
}
