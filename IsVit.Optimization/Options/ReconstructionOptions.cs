namespace IsVit.Optimization.Options;

/// <summary>How units are reconstructed (eq. 12). The defaults are the paper's (section 5.1).</summary>
public sealed record ReconstructionOptions
{
    internal const double LargestDropProbability = 0.99;
    internal const double LargestHeldOutShare = 0.5;
    private const int MostViews = 64;

    // Views that are drawn where no number of them is set.
    private const double LooksAtAView = 2;
    private const int MostDrawn = 8;
    private const long EnoughImages = 2048;

    /// <summary>Optimizer iterations for each unit and stage, 0 or more; null for the paper's: 1000 up to 4 bits, 200 above.</summary>
    public int? Iterations { get; set; }

    /// <summary>Images per iteration, 1 or more.</summary>
    public int BatchSize { get; set; } = 64;

    /// <summary>Adam's initial learning rate; it decays to 0 along a cosine. Null for the recipe's, or if it has none for <see cref="RateFor"/> the unit's number of iterations.</summary>
    public double? LearningRate { get; set; }

    /// <summary>
    /// Adam's initial learning rate for the learned parameters of activation quantizers, in units of <see cref="Core.Quantization.ILearnableQuantizer"/>: fractions of a scale or of a step between levels.
    /// 0 leaves quantizers as calibrated, as the paper does. It decays to 0 along the same cosine.
    /// </summary>
    public double QuantizerLearningRate { get; set; }

    /// <summary>
    /// The share of activations, drawn anew for each iteration, that are left unrounded, and in stage 3 also the share of the elements of a unit's input that are taken from the float model (QDrop; Wei et al., arXiv 2203.05740). This keeps
    /// a unit from overfitting to the rounding errors of its few images. 0 to less than 1; null for the recipe's.
    /// </summary>
    public double? DropProbability { get; set; }

    /// <summary>
    /// The share of the calibration images that is held out from training, the same images for all units and <see cref="OutputTuning.OutputTuningStage"/>: of the states that are evaluated, the one with the lowest loss on them is
    /// kept. 0 holds out none and evaluates on all images; at most 0.5; null for the recipe's. With fewer than 16 images none is held out.
    /// </summary>
    public double? HeldOutShare { get; set; }

    /// <summary>
    /// The number of views of each training image (each image that is not held out) for reconstructing units: the image itself, and random crops of it or of its mirror image, each with a part of another image in it (CutMix; Yun et al.,
    /// arXiv 1905.04899). A unit overfits a few hundred images, and their views less so. Only for images of shape [images, channels, height, width]; other inputs are used unchanged. 1 to 64; null for as many as it takes for no view to
    /// be seen more than about twice, at most 8 and at most 2048 images and views in all, if the recipe uses views. Views take as much memory as images, and are drawn from <see cref="QuantizationOptions.Seed"/>.
    /// </summary>
    public int? Views { get; set; }

    /// <summary>How often the loss over the <see cref="HeldOutShare"/> of the calibration images is evaluated after the initial evaluation, evenly spaced and last at the end; the best state seen is kept. 1 to 100.</summary>
    public int Evaluations { get; set; } = 2;

    /// <summary>
    /// How much an error of the model's outputs counts beside an error of the unit's own output, where the rest of the float model computes the outputs from what the unit gives; each error in units of its initial value. 0 trains
    /// a unit for its own output alone; GLF-Q's losses have 0.5. Each iteration then costs a forward of the whole model and a backward pass of what runs behind the unit as well.
    /// </summary>
    public double OutputWeight { get; set; }

    /// <summary>The largest size in memory of a unit's inputs and targets, in bytes.</summary>
    public long CacheBudgetBytes { get; set; } = 8L << 30;

    /// <summary>Where a unit's inputs and targets are kept. Default: in memory if <see cref="CacheBudgetBytes"/> allows it, otherwise on disk.</summary>
    public ActivationStorage Cache { get; set; }

    /// <summary>The folder for activations kept on disk, in which no files remain afterwards; null for the system's folder for temporary files.</summary>
    public string? CacheDirectory { get; set; }

    /// <summary>The precision of a unit's matrix products while its weights are trained.</summary>
    public MatrixPrecision Precision { get; set; }

    /// <summary>The number of iterations for a unit: the option if set, otherwise the paper's for the smaller of the two bit widths.</summary>
    /// <param name="weightBits">Number of bits of weights.</param>
    /// <param name="activationBits">Number of bits of activations.</param>
    public int IterationsFor(int weightBits, int activationBits) => Iterations ?? (Math.Min(weightBits, activationBits) <= 4 ? 1000 : 200);

    /// <summary>0.1 divided by the number of iterations, but at most 1e-3 and at least the paper's 4e-5: with few iterations, the latter leaves nearly all weight codes unchanged.</summary>
    /// <param name="iterations">The number of iterations, 0 or more.</param>
    public static double RateFor(int iterations) => Math.Clamp(0.1 / Math.Max(iterations, 1), 4e-5, 1e-3);

    /// <summary>The views of an image.</summary>
    /// <param name="fresh">Whether there are any where the options name none.</param>
    /// <param name="images">How many images there are.</param>
    /// <param name="iterations">The steps that a unit gets.</param>
    internal int ViewsFor(bool fresh, long images, int iterations)
    {
        if (Views is not null || !fresh)
        {
            return Views ?? 1;
        }

        var seen = (double)iterations * BatchSize / images;
        return (int)Math.Clamp(Math.Min(seen / LooksAtAView, EnoughImages / images), 1, MostDrawn);
    }

    internal void Validate()
    {
        const string Prefix = nameof(QuantizationOptions.Reconstruction);
        OptionRange.Require($"{Prefix}.{nameof(Iterations)}", Iterations ?? 0, 0, int.MaxValue);
        OptionRange.Require($"{Prefix}.{nameof(BatchSize)}", BatchSize, 1, int.MaxValue);
        OptionRange.RequirePositive($"{Prefix}.{nameof(LearningRate)}", LearningRate ?? 1);
        OptionRange.RequireNotNegative($"{Prefix}.{nameof(QuantizerLearningRate)}", QuantizerLearningRate);
        OptionRange.Require($"{Prefix}.{nameof(DropProbability)}", DropProbability ?? 0, 0, LargestDropProbability);
        OptionRange.Require($"{Prefix}.{nameof(HeldOutShare)}", HeldOutShare ?? 0, 0, LargestHeldOutShare);
        OptionRange.Require($"{Prefix}.{nameof(Views)}", Views ?? 1, 1, MostViews);
        OptionRange.Require($"{Prefix}.{nameof(Evaluations)}", Evaluations, 1, 100);
        OptionRange.RequireNotNegative($"{Prefix}.{nameof(OutputWeight)}", OutputWeight);
        OptionRange.Require($"{Prefix}.{nameof(CacheBudgetBytes)}", CacheBudgetBytes, 1, long.MaxValue);
        OptionRange.RequireDefined($"{Prefix}.{nameof(Cache)}", Cache);
        OptionRange.RequireDefined($"{Prefix}.{nameof(Precision)}", Precision);
        if (CacheDirectory is { } directory && !Directory.Exists(directory))
        {
            throw new OptionsException($"{Prefix}.{nameof(CacheDirectory)} is '{directory}'; expected a folder that exists.");
        }
    }
}
