namespace IsVit.Optimization.Reconstruction;

/// <summary>How units are reconstructed (eq. 12). The defaults are the paper's (section 5.1).</summary>
public sealed record ReconstructionOptions
{
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

    /// <summary>How often the loss over all calibration images is looked at after the first look, evenly spaced and last at the end; the best state seen is kept. 1 to 100.</summary>
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

    /// <summary>The rate with which fewer than the paper's 1000 steps move weights as far as they do with its 4e-5, but at most 1e-3; from 1000 steps on 4e-5. Few steps of the paper's rate leave nearly all codes of weights as they are.</summary>
    /// <param name="iterations">The steps, 0 or more.</param>
    public static double RateFor(int iterations) => Math.Clamp(4e-5 * 1000 / Math.Max(iterations, 1), 4e-5, 1e-3);

    internal void Validate()
    {
        const string Prefix = nameof(QuantizationOptions.Reconstruction);
        OptionRange.Require($"{Prefix}.{nameof(Iterations)}", Iterations ?? 0, 0, int.MaxValue);
        OptionRange.Require($"{Prefix}.{nameof(BatchSize)}", BatchSize, 1, int.MaxValue);
        OptionRange.RequirePositive($"{Prefix}.{nameof(LearningRate)}", LearningRate ?? 1);
        OptionRange.RequireNotNegative($"{Prefix}.{nameof(QuantizerLearningRate)}", QuantizerLearningRate);
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
