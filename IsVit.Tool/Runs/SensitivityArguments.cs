using IsVit.Core.Models.Pretrained;
using IsVit.Optimization.MixedPrecision;
using IsVit.Tool.Inputs;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What <c>isvit sensitivity</c> was asked for.</summary>
internal sealed record SensitivityArguments
{
    /// <summary>The name of the model if it was given, and what else is not to be taken from the files.</summary>
    public required PretrainedModelOptions Pretrained { get; init; }

    /// <summary>The file or folder of float weights.</summary>
    public required string Weights { get; init; }

    /// <summary>The number of classes; null: the model's own.</summary>
    public int? ClassCount { get; init; }

    /// <summary>The folder of calibration images.</summary>
    public required string Calibration { get; init; }

    /// <summary>The most calibration images to use.</summary>
    public int CalibrationCount { get; init; }

    /// <summary>The name of the recipe.</summary>
    public required string Method { get; init; }

    /// <summary>The bits by which weights are ranked.</summary>
    public int WeightBits { get; init; }

    /// <summary>The bits by which activations are ranked.</summary>
    public int ActivationBits { get; init; }

    /// <summary>The bits that are looked at; null for all.</summary>
    public IReadOnlyList<int>? Widths { get; init; }

    /// <summary>How it is found out what a site's bits do.</summary>
    public SensitivityMethod Sensitivity { get; init; }

    /// <summary>On how many images.</summary>
    public int SensitivityCount { get; init; }

    /// <summary>Fixes every random choice.</summary>
    public int Seed { get; init; }

    /// <summary>How images are prepared otherwise than the model's files say.</summary>
    public PreparationChoice Preparation { get; init; } = PreparationChoice.Own;

    /// <summary>Whether images that cannot be read are left out instead of ending the run.</summary>
    public bool SkipUnreadable { get; init; }

    /// <summary>Where the model runs.</summary>
    public required torch.Device Device { get; init; }

    /// <summary>The file of the report, or null.</summary>
    public string? Json { get; init; }

    /// <summary>The folder to write a report to look at to, or null.</summary>
    public string? Report { get; init; }

    /// <summary>What was typed behind the tool's name.</summary>
    public string CommandLine { get; init; } = "";
}
