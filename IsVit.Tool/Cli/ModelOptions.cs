using System.CommandLine;

namespace IsVit.Tool.Cli;

/// <summary>Options that say which model is quantized, and with what.</summary>
internal static class ModelOptions
{
    /// <summary>The model.</summary>
    /// <param name="examples">Names that it may be.</param>
    public static Option<string> Name(string examples = "deit_tiny_patch16_224") => PathOptions.Required("--model", "NAME", $"The model's name in the catalogue, e.g. {examples}");

    /// <summary>Its weights.</summary>
    /// <param name="names">Whose tensor names they have.</param>
    public static Option<string> Weights(string names = "timm's tensor names") => PathOptions.Required("--weights", "FILE", $"Its float weights: safetensors with {names}, or TorchSharp's own format");

    /// <summary>Its classes.</summary>
    /// <param name="own">What it is if it is not given.</param>
    public static Option<int?> Classes(string own = "the model's own") => Ranged.OptionalInt32("--classes", $"The number of classes, if it is not {own}", 1, 1_000_000);

    /// <summary>The images to calibrate with.</summary>
    public static Option<string> Calibration() => PathOptions.Required("--calibration", "DIR", "Images to calibrate with, without labels; subfolders count");

    /// <summary>How many of them.</summary>
    /// <param name="defaultCount">When it is not given.</param>
    public static Option<int> CalibrationCount(int defaultCount) =>
        Ranged.Int32("--calibration-count", "Use the first N calibration images of a fixed shuffle, or all if there are fewer", defaultCount, 1, 1_000_000);

    /// <summary>The seed.</summary>
    public static Option<int> Seed() => Ranged.Int32("--seed", "Fixes every random choice", 0, 0, int.MaxValue);

    /// <summary>The crop.</summary>
    /// <param name="own">Which one it is if it is not given.</param>
    public static Option<double?> Crop(string own = "the model's own") => Ranged.OptionalDouble("--crop", $"The centre crop, as a part of the resized short side, if it is not {own}", 0, 1);

    /// <summary>The crop for a saved model.</summary>
    public static Option<double?> SavedCrop() => Crop("the one that was quantized with");
}
