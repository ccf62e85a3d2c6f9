using System.Globalization;
using IsVit.Model.Architectures;
using IsVit.Tool.Data;

namespace IsVit.Tool.Demo;

/// <summary>The text beside the weights: what they are and how to make them again.</summary>
internal static class ModelCard
{
    /// <summary>Writes the text.</summary>
    /// <param name="model">The trained model.</param>
    /// <param name="parameters">The number of its parameters.</param>
    /// <param name="options">The recipe.</param>
    /// <param name="accuracy">Percent of the 10,000 test images right.</param>
    /// <param name="subsetAccuracy">Percent of the chosen test images right.</param>
    public static string Write(DemoModel model, long parameters, DemoTrainingOptions options, double accuracy, double subsetAccuracy)
    {
        var shape = model.Preset.Options;
        FormattableString text = $"""
            # {model.Name}

            A small vision transformer for Fashion-MNIST, a model of `isvit demo`.

            | | |
            |---|---|
            | input | {shape.ImageSize} x {shape.ImageSize}, grey, values 0 to 1, then (value - {FashionMnist.PixelMean:F4}) / {FashionMnist.PixelStd:F4} |
            | shape | patch {shape.PatchSize}, {Describe(shape)}, MLP ratio {shape.MlpRatio} |
            | parameters | {parameters:N0}, float32 |
            | top-1, all {10_000:N0} test images | {accuracy:F2} % |
            | top-1, the {DemoAssets.TestCount:N0} test images kept here | {subsetAccuracy:F2} % |

            ## Training

            `isvit train-demo --model {model.Name} --epochs {options.Epochs} --seed {options.Seed}` with {TorchSharp.torch.get_num_threads()} threads on the {options.TrainingImages ?? 60_000:N0} training images; the weights are those after the last
            epoch, so none was chosen by its test accuracy (the tool's default recipe was, among a few, by trials of one epoch on the same test images).

            Linear weights start from Xavier's uniform distribution. AdamW (weight decay {options.WeightDecay} on matrices), batch {options.BatchSize}, step size
            {options.LearningRate} after a linear rise over {100 * options.WarmUpFraction} % of the steps, then half a cosine to zero; label smoothing {options.LabelSmoothing}; gradient norm at
            most {options.GradientClip}; images are shifted at random by up to {options.MaximumShift} pixel(s) in each direction and mirrored with probability {options.FlipProbability}. The seed
            fixes everything that is random: the same machine with the same number of threads gives the same weights; another one's differ, and its accuracy
            by some tenths of a point.

            ## Images

            `{DemoAssets.ImagesFile}`: {DemoAssets.CalibrationCount:N0} images of the training split (calibration, without labels) and {DemoAssets.TestCount:N0} of the test split with labels, chosen
            with seed {options.Seed}. Classes 0 to 9: {string.Join(", ", FashionMnist.Classes)}.

            Fashion-MNIST: Han Xiao, Kashif Rasul, Roland Vollgraf, arXiv 1708.07747; MIT licence, Copyright (c) 2017 Zalando SE (see
            LICENSE-fashion-mnist.txt). The weights are part of this repository and under its licence.

            """;
        return text.ToString(CultureInfo.InvariantCulture);
    }

    private static string Describe(ModelOptions shape) => shape switch
    {
        VisionTransformerOptions vit => $"width {vit.EmbedDim}, depth {vit.Depth}, heads {vit.HeadCount}, class token",
        SwinTransformerOptions swin => $"width {swin.EmbedDim} doubled at each layer, blocks {string.Join(" + ", swin.Depths)}, heads {string.Join(", ", swin.HeadCounts)}, windows of {swin.WindowSize} x {swin.WindowSize}",
        _ => throw new ArgumentException($"A shape of type {shape.GetType()} has no description.", nameof(shape)),
    };
}
