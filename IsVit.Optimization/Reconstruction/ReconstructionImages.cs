using IsVit.Core.Samples;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>What units are reconstructed on: the calibration images, and views of those among them that steps are taken on.</summary>
internal sealed class ReconstructionImages : IDisposable
{
    // Each takes a thread of each stream.
    private const int MostBatchesOfViews = 24;

    private readonly IReadOnlyList<SampleBatch> _views;

    private ReconstructionImages(IReadOnlyList<SampleBatch> images, IReadOnlyList<SampleBatch> views, CalibrationSplit split)
    {
        _views = views;
        Batches = [.. images, .. views];
        Split = split;
    }

    /// <summary>The images themselves, and behind them their views.</summary>
    public IReadOnlyList<SampleBatch> Batches { get; }

    /// <summary>Steps are taken on views as on the images that they were made of; states are judged by images alone.</summary>
    public CalibrationSplit Split { get; }

    /// <summary>How many images and views there are.</summary>
    /// <param name="images">The number of images.</param>
    /// <param name="inputs">Some of them.</param>
    /// <param name="options">How many views an image has, and how many images no step is taken on.</param>
    /// <param name="recipe">The same where the options name no number.</param>
    /// <param name="iterations">The steps that a unit gets.</param>
    public static long Count(long images, SampleBatch inputs, ReconstructionOptions options, QuantizationRecipe recipe, int iterations) =>
        images + ((Views(images, inputs, options, recipe, iterations) - 1) * (long)CalibrationSplit.TrainingCount((int)images, recipe.HeldOutShareFor(options)));

    /// <summary>Draws the views.</summary>
    /// <param name="context">The run.</param>
    /// <param name="options">How many views an image has.</param>
    /// <param name="iterations">The steps that a unit gets.</param>
    public static ReconstructionImages Of(QuantizationContext context, ReconstructionOptions options, int iterations)
    {
        var (batches, split) = (context.Batches, context.Split);
        var images = ActivationCache.Of(batches);
        var views = Views(images.Count, batches[0], options, context.Recipe, iterations);
        if (views == 1)
        {
            return new(batches, [], split);
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var random = new Random(unchecked((context.Options.Seed * 7919) + context.Progress.StageIndex));
        var trained = images.Gather(split.Training)[0];
        var size = Math.Max(batches[0].Count, (trained.shape[0] * (views - 1) / MostBatchesOfViews) + 1);
        var drawn = Enumerable.Range(1, views - 1).SelectMany(_ => RandomViews.Mixed(RandomViews.Of(trained, random), random).split(size)).Select(static view => new SampleBatch(view.DetachFromDisposeScope())).ToList();
        return new(batches, drawn, new([.. split.Training, .. Enumerable.Range(images.Count, (views - 1) * split.Training.Length)], split.HeldOut));
    }

    public void Dispose()
    {
        foreach (var view in _views)
        {
            view.DisposeInputs();
        }
    }

    private static int Views(long images, SampleBatch inputs, ReconstructionOptions options, QuantizationRecipe recipe, int iterations) =>
        RandomViews.AreOf(inputs.Inputs) ? options.ViewsFor(recipe.FreshViews, images, iterations) : 1;
}
