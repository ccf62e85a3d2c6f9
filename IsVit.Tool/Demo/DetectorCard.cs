using System.Globalization;
using IsVit.Detection.Coco;
using IsVit.Detection.Models;
using IsVit.Detection.Scenes;
using IsVit.Detection.Training;
using IsVit.Tool.Data;

namespace IsVit.Tool.Demo;

/// <summary>The text beside a detector's weights: what they are and how to make them again.</summary>
internal static class DetectorCard
{
    /// <summary>Writes the text.</summary>
    /// <param name="preset">The trained detector.</param>
    /// <param name="parameters">The number of its parameters.</param>
    /// <param name="options">The recipe.</param>
    /// <param name="boxes">The scores of its boxes on the held-out scenes.</param>
    /// <param name="masks">The scores of its masks on the held-out scenes.</param>
    public static string Write(DetectorPreset preset, long parameters, DetectorDemoOptions options, CocoScores boxes, CocoScores masks)
    {
        var (shape, scenes) = (preset.Options, new SceneOptions());
        FormattableString text = $"""
            # {preset.Name}

            A small Mask R-CNN over a Swin transformer for scenes composed from Fashion-MNIST.

            | | |
            |---|---|
            | input | {scenes.Side} x {scenes.Side}, red, green, blue, (value - {DetectorCatalog.ScenePreprocessing.Mean[0]}) / {DetectorCatalog.ScenePreprocessing.Std[0]} |
            | backbone | patch {shape.Backbone.PatchSize}, width {shape.Backbone.EmbedDim} doubled at each layer, blocks {string.Join(" + ", shape.Backbone.Depths)}, heads {string.Join(", ", shape.Backbone.HeadCounts)}, windows of {shape.Backbone.WindowSize} x {shape.Backbone.WindowSize}, MLP ratio {shape.Backbone.MlpRatio} |
            | pyramid | {shape.PyramidChannels} channels, anchors of {shape.AnchorScale} strides in the ratios {string.Join(", ", shape.AnchorRatios)} |
            | heads | boxes: width {shape.BoxHeadWidth}; masks: {shape.MaskConvolutions} convolutions of {shape.MaskChannels} channels |
            | parameters | {parameters:N0}, float32 |
            | box AP, AP50, AP75 | {Percent(boxes)} |
            | mask AP, AP50, AP75 | {Percent(masks)} |

            The scores are COCO's, in percent, on {options.TestScenes:N0} held-out scenes.

            ## Training

            `isvit train-demo --model {preset.Name} --steps {options.Steps} --seed {options.Seed}` with {TorchSharp.torch.get_num_threads()} threads: {options.Steps:N0} steps of {options.BatchSize} scenes, none of which comes twice; the weights
            are those after the last step, so none was chosen by its scores (the tool's default recipe was, by short trials on the same held-out scenes).

            Linear weights of the backbone start from Xavier's uniform distribution. Targets and losses are those of MMDetection's Mask R-CNN with {options.AnchorsPerScene} anchors
            and {options.RegionsPerScene} regions of a scene. AdamW (weight decay {new DetectorTrainingOptions().WeightDecay}, not on biases, normalizations and tables of relative positions), step size {options.LearningRate} after a
            linear rise over {100 * options.WarmUpFraction} % of the steps, then half a cosine to zero; gradient norm at most {options.GradientClip}. The seed fixes everything that is random: the same
            machine with the same number of threads gives the same weights.

            ## Scenes

            {scenes.MinObjects} to {scenes.MaxObjects} garments of {scenes.MinObjectSide} to {scenes.MaxObjectSide} pixels, turned by up to {scenes.MaxRotation} degrees, half of them mirrored, up to {100 * scenes.MaxHiddenShare} % of one hidden by others, in random colours on {scenes.MinClutter} to {scenes.MaxClutter}
            pieces of clutter, with noise. Those of training are composed from the {options.TrainingImages:N0} training images, the held-out ones from the {DemoAssets.TestCount:N0} test images in `{DemoAssets.ImagesFile}`.
            Classes 0 to 9: {string.Join(", ", FashionMnist.Classes)}.

            Fashion-MNIST: Han Xiao, Kashif Rasul, Roland Vollgraf, arXiv 1708.07747; MIT licence, Copyright (c) 2017 Zalando SE (see
            LICENSE-fashion-mnist.txt). The weights are part of this repository and under its licence.

            """;
        return text.ToString(CultureInfo.InvariantCulture);
    }

    private static string Percent(CocoScores scores) => string.Create(CultureInfo.InvariantCulture, $"{100 * scores.AP:F2}, {100 * scores.AP50:F2}, {100 * scores.AP75:F2}");
}
