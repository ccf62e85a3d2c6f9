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

    /// <summary>Steps of the optimizer for each unit and stage, 0 or more; null for the paper's: 1000 up to 4 bits, 200 above.</summary>
    public int? Iterations { get; set; }

    /// <summary>Images in a step, 1 or more.</summary>
    public int BatchSize { get; set; } = 64;

    /// <summary>Adam's learning rate at the first step; it falls to 0 along a cosine. Null for the recipe's, or else for <see cref="RateFor"/> the steps that a unit gets.</summary>
    public double? LearningRate { get; set; }

    /// <summary>
    /// Adam's learning rate at the first step for what quantizers of activations learn, in units of <see cref="Core.Quantization.ILearnableQuantizer"/>: parts of a scale or of a step between levels; 0 leaves quantizers as calibrated, as the paper does. It falls to 0
    /// along the same cosine.
    /// </summary>
    public double QuantizerLearningRate { get; set; }

    /// <summary>
    /// The share of activations, drawn anew for each step, that a step leaves unrounded, and in stage 3 of the numbers that come into the unit that it takes from the float model (QDrop; Wei et al., arXiv 2203.05740): a unit then cannot learn
    /// the rounding errors of its few images by heart. 0 to less than 1; null for the recipe's.
    /// </summary>
    public double? DropProbability { get; set; }

    /// <summary>
    /// The share of the calibration images that no step is taken on, the same for all units and <see cref="OutputTuning.OutputTuningStage"/>: of the states that are looked at, the one that serves them best is kept. 0 for none, when
    /// all are looked at; at most 0.5; null for the recipe's. Of fewer than 16 images none is spared.
    /// </summary>
    public double? HeldOutShare { get; set; }

    /// <summary>
    /// How many views of each image that steps are taken on units are reconstructed on: the image itself, and random crops of it or of its mirror image, with a part of another image in each (CutMix; Yun et al., arXiv 1905.04899). A few hundred
    /// images are learned by heart, and their views less so. Of images as [images, channels, height, width]; others are taken as they are. 1 to 64; null for as many as let no step see a view more than about twice, at most 8 and not
    /// beyond 2048 images and views in all, if the recipe has views. Views take as much memory as images, and are drawn from <see cref="QuantizationOptions.Seed"/>.
    /// </summary>
    public int? Views { get; set; }

    /// <summary>How often the loss over <see cref="HeldOutShare"/> of the calibration images is looked at after the first look, evenly spaced and last at the end; the best state seen is kept. 1 to 100.</summary>
    public int Evaluations { get; set; } = 2;

    /// <summary>The most that a unit's inputs and targets may take in memory, in bytes.</summary>
    public long CacheBudgetBytes { get; set; } = 8L << 30;

    /// <summary>Where a unit's inputs and targets are kept. Default: in memory as far as <see cref="CacheBudgetBytes"/> allows, else on disk.</summary>
    public ActivationStorage Cache { get; set; }

    /// <summary>The folder for what is kept on disk, where nothing is left behind; null for the system's folder for temporary files.</summary>
    public string? CacheDirectory { get; set; }

    /// <summary>What the matrix products of a unit are computed in while its weights are trained.</summary>
    public MatrixPrecision Precision { get; set; }

    /// <summary>The steps for a unit: what is set, else the paper's for the smaller of the two bit widths.</summary>
    /// <param name="weightBits">Bits of weights.</param>
    /// <param name="activationBits">Bits of activations.</param>
    public int IterationsFor(int weightBits, int activationBits) => Iterations ?? (Math.Min(weightBits, activationBits) <= 4 ? 1000 : 200);

    /// <summary>0.1 over the number of steps, but at most 1e-3 and at least the paper's 4e-5: few steps of the latter leave nearly all codes of weights as they are.</summary>
    /// <param name="iterations">The steps, 0 or more.</param>
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
        OptionRange.Require($"{Prefix}.{nameof(CacheBudgetBytes)}", CacheBudgetBytes, 1, long.MaxValue);
        OptionRange.RequireDefined($"{Prefix}.{nameof(Cache)}", Cache);
        OptionRange.RequireDefined($"{Prefix}.{nameof(Precision)}", Precision);
        if (CacheDirectory is { } directory && !Directory.Exists(directory))
        {
            throw new OptionsException($"{Prefix}.{nameof(CacheDirectory)} is '{directory}'; expected a folder that exists.");
        }
    }
}
