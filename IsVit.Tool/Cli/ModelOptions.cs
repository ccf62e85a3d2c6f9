using System.CommandLine;
using IsVit.Core.Models.Pretrained;
using IsVit.Model.Imaging;
using IsVit.Tool.Inputs;

namespace IsVit.Tool.Cli;

/// <summary>Options that say which model is quantized, and with what.</summary>
internal static class ModelOptions
{
    private static readonly Dictionary<string, ResizeMode> s_resizeModes = new(StringComparer.Ordinal) { ["short-side"] = ResizeMode.ShortSide, ["squash"] = ResizeMode.Squash };

    /// <summary>The model.</summary>
    /// <param name="examples">Names that it may be.</param>
    public static Option<string?> Name(string examples = "deit_tiny_patch16_224") => PathOptions.Optional(
        "--model", "NAME", $"The model's name in the catalogue, e.g. {examples}; not needed if the weights' config.json says it, or if only one model has such tensors");

    /// <summary>Its weights.</summary>
    /// <param name="names">Whose tensor names they have.</param>
    public static Option<string> Weights(string names = "timm's or Hugging Face's tensor names") => PathOptions.Required(
        "--weights", "FILE", $"Its float weights with {names}: safetensors (one file, or an index of several), PyTorch's .pth or .bin, TorchSharp's format; or the folder of a model hub's snapshot");

    /// <summary>The size of the images.</summary>
    public static Option<int?> ImageSize() => Ranged.OptionalInt32("--image-size", "Height and width of the images in pixels, if it is not the model's own; position embeddings are resized", 1, 8192);

    /// <summary>The size of a Swin transformer's windows.</summary>
    public static Option<int?> WindowSize() => Ranged.OptionalInt32("--window-size", "Height and width of a Swin transformer's windows in tokens, if they are not the model's own; relative position biases are resized", 2, 8192);

    /// <summary>What all names of the weights begin with.</summary>
    public static Option<string?> Prefix() => PathOptions.Optional("--prefix", "TEXT", "Use only tensors whose names begin with this, without it; module., model., _orig_mod. and backbone. are found if all begin with them");

    /// <summary>What of the model is not loaded.</summary>
    public static Option<string[]> Skip() => new("--skip") { Description = "Leave the model's tensors whose names begin with this as they are made, at random", HelpName = "TEXT", AllowMultipleArgumentsPerToken = true };

    /// <summary>What is not taken from the files of weights.</summary>
    /// <param name="parsed">What was given.</param>
    /// <param name="model">The option of the name.</param>
    /// <param name="imageSize">The option of the size.</param>
    /// <param name="windowSize">The option of the windows.</param>
    /// <param name="prefix">The option of the prefix.</param>
    /// <param name="skip">The option of what is not loaded.</param>
    public static PretrainedModelOptions Pretrained(this ParseResult parsed, Option<string?> model, Option<int?> imageSize, Option<int?> windowSize, Option<string?> prefix, Option<string[]> skip)
    {
        var skipped = parsed.GetValue(skip) ?? [];
        return new PretrainedModelOptions
        {
            Model = parsed.GetValue(model),
            ImageSize = parsed.GetValue(imageSize),
            WindowSize = parsed.GetValue(windowSize),
            Prefix = parsed.GetValue(prefix) ?? string.Empty,
            Skip = skipped.Length == 0 ? null : name => skipped.Any(start => name.StartsWith(start, StringComparison.Ordinal)),
        };
    }

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
    public static Option<double?> Crop(string own = "the model's own") => Ranged.OptionalDouble("--crop", $"The centre crop, as a part of the resized side, if it is not {own}", 0, 1);

    /// <summary>The crop for a saved model.</summary>
    public static Option<double?> SavedCrop() => Crop("the one that was quantized with");

    /// <summary>How images are resized.</summary>
    /// <param name="own">What it is if it is not given.</param>
    public static Option<ResizeMode?> Resize(string own = "the model's own")
    {
        const string Name = "--resize";
        return new(Name)
        {
            Description = $"What is resized before the crop, if it is not {own}: {string.Join(", ", s_resizeModes.Keys)} (both sides, whatever the proportions)",
            HelpName = "NAME",
            CustomParser = static result =>
            {
                var text = ArgumentText.Of(result);
                if (!s_resizeModes.TryGetValue(text, out var mode))
                {
                    result.AddError($"{Name} is '{text}'; allowed is one of {string.Join(", ", s_resizeModes.Keys)}.");
                }

                return mode;
            },
        };
    }

    /// <summary>The resizing for a saved model.</summary>
    public static Option<ResizeMode?> SavedResize() => Resize("the one that was quantized with");

    /// <summary>How images are prepared otherwise than the model's files say.</summary>
    /// <param name="parsed">What was given.</param>
    /// <param name="crop">The option of the crop.</param>
    /// <param name="resize">The option of the resizing.</param>
    public static PreparationChoice Preparation(this ParseResult parsed, Option<double?> crop, Option<ResizeMode?> resize) => new(parsed.GetValue(crop), parsed.GetValue(resize));
}
