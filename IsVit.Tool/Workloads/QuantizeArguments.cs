using System.Globalization;
using IsVit.Cluster.Jobs;
using IsVit.Core.Models.Pretrained;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Tool.Inputs;
using IsVit.Tool.Progress;
using Microsoft.Extensions.Configuration;
using TorchSharp;

namespace IsVit.Tool.Workloads;

/// <summary>What <c>isvit quantize</c> was asked for.</summary>
internal sealed record QuantizeArguments
{
    /// <summary>A name of the catalogue; null for what the weights are of.</summary>
    public string? Model { get; init; }

    /// <summary>Of a classifier, the name of the model if it was given, and what else is not to be taken from the files.</summary>
    public PretrainedModelOptions Pretrained { get; init; } = new();

    /// <summary>The file or, of a classifier, the folder of float weights.</summary>
    public required string Weights { get; init; }

    /// <summary>The number of classes; null: the model's own.</summary>
    public int? ClassCount { get; init; }

    /// <summary>The folder of calibration images.</summary>
    public required string Calibration { get; init; }

    /// <summary>The most calibration images to use.</summary>
    public int CalibrationCount { get; init; }

    /// <summary>The CSV of the test images' labels, or null.</summary>
    public string? Labels { get; init; }

    /// <summary>The folder of test images, or null.</summary>
    public string? Images { get; init; }

    /// <summary>Of a detector, the file of the test images' annotations, or null.</summary>
    public string? Coco { get; init; }

    /// <summary>Of a detector, how many of the annotations' images to score on; null for all.</summary>
    public int? TestCount { get; init; }

    /// <summary>Of a detector, regions an image that box heads are calibrated on.</summary>
    public int BoxRegions { get; init; }

    /// <summary>Of a detector, regions an image that mask heads are calibrated on.</summary>
    public int MaskRegions { get; init; }

    /// <summary>Bits of weights.</summary>
    public int WeightBits { get; init; }

    /// <summary>Bits of activations.</summary>
    public int ActivationBits { get; init; }

    /// <summary>What the bits of sites may cost that get bits of their own; null where all get the same.</summary>
    public BitBudget? Budget { get; init; }

    /// <summary>The bits that a site may get then; null for all.</summary>
    public IReadOnlyList<int>? AllowedBits { get; init; }

    /// <summary>How it is found out what a site's bits do.</summary>
    public SensitivityMethod Sensitivity { get; init; }

    /// <summary>On how many images.</summary>
    public int SensitivityCount { get; init; }

    /// <summary>What <see cref="Method"/> names.</summary>
    public QuantizationRecipe Recipe => QuantizationRecipes.Find(Method)!;

    /// <summary>Method and bits in one.</summary>
    public string Title => Budget is not null ? $"{Method} {Budget}" : string.Create(CultureInfo.InvariantCulture, $"{Method} W{WeightBits}A{(Recipe.QuantizesActivations ? ActivationBits : QuantizationReport.FloatActivationBits)}");

    /// <summary>The name of the recipe.</summary>
    public required string Method { get; init; }

    /// <summary>From how many of the calibration images statistics are taken.</summary>
    public int StatisticsCount { get; init; }

    /// <summary>Steps a unit and stage; null: the paper's.</summary>
    public int? Iterations { get; init; }

    /// <summary>Images a step.</summary>
    public int BatchSize { get; init; }

    /// <summary>Steps in which the whole model's biases and normalisations are trained at the end.</summary>
    public int TuningSteps { get; init; }

    /// <summary>Adam's first step size.</summary>
    public double? LearningRate { get; init; }

    /// <summary>The share of activations that a step leaves unrounded; null: the method's.</summary>
    public double? DropProbability { get; init; }

    /// <summary>The share of the calibration images that no step is taken on; null: the method's.</summary>
    public double? HeldOutShare { get; init; }

    /// <summary>The folder to write a report to look at to, or null.</summary>
    public string? Report { get; init; }

    /// <summary>The unit whose loss that report shows around its weights; null for the one with the largest error.</summary>
    public string? ReportLandscape { get; init; }

    /// <summary>What was typed behind the tool's name.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>How much an error of the model's outputs counts beside a unit's own; null: not at all.</summary>
    public double? OutputWeight { get; init; }

    /// <summary>The views of each calibration image that units are reconstructed on; null: the method's.</summary>
    public int? Views { get; init; }

    /// <summary>Fixes every random choice.</summary>
    public int Seed { get; init; }

    /// <summary>How images are prepared otherwise than the model's files say.</summary>
    public PreparationChoice Preparation { get; init; } = PreparationChoice.Own;

    /// <summary>Whether images that cannot be read are left out instead of ending the run.</summary>
    public bool SkipUnreadable { get; init; }

    /// <summary>Whether the model is evaluated after every stage.</summary>
    public bool ScoreStages { get; init; }

    /// <summary>Where the model runs.</summary>
    public required torch.Device Device { get; init; }

    /// <summary>What becomes of the zeros of pruned layers.</summary>
    public SparsityHandling Sparsity { get; init; }

    /// <summary>Where a unit's inputs and targets are kept.</summary>
    public ActivationStorage Cache { get; init; }

    /// <summary>The folder for what is kept on disk; null: the system's for temporary files.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>What matrix products are computed in while weights are trained.</summary>
    public MatrixPrecision Precision { get; init; }

    /// <summary>The folder that the quantized model goes to, or null to keep none.</summary>
    public string? Output { get; init; }

    /// <summary>The file of the report, or null.</summary>
    public string? Json { get; init; }

    /// <summary>The folder of a run that can be resumed; null for the one beside the output.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Whether no finished unit is kept beside the output.</summary>
    public bool NoCheckpoint { get; init; }

    /// <summary>Whether what an earlier run kept is deleted.</summary>
    public bool Restart { get; init; }

    /// <summary>The share of the units of the first reconstruction that is computed ahead, into the checkpoint; null for the whole run.</summary>
    public UnitShare? Units { get; init; }

    /// <summary>How progress is shown.</summary>
    public ProgressFormat Progress { get; init; }

    /// <summary>Whether it is only told what the run would do.</summary>
    public bool DryRun { get; init; }

    /// <summary>Options of the engine from a file that no option of the command stands for, or null.</summary>
    public IConfiguration? Engine { get; init; }
}
