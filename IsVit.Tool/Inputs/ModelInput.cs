using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Models;

namespace IsVit.Tool.Inputs;

/// <summary>A classifier of the catalogue by the name that the user gave, and its weights.</summary>
internal static class ModelInput
{
    /// <summary>The model's preset.</summary>
    /// <param name="name">A name of <see cref="ModelCatalog.Names"/>.</param>
    /// <param name="crop">Another crop fraction than the preset's, or null.</param>
    /// <exception cref="ToolException">There is no classifier of that name.</exception>
    public static ModelPreset Find(string name, double? crop)
    {
        if (!ModelCatalog.Names.Contains(name, StringComparer.Ordinal))
        {
            throw new ToolException(DetectorCatalog.Names.Contains(name, StringComparer.Ordinal)
                ? $"'{name}' is a detector; expected one of the classifiers {string.Join(", ", ModelCatalog.Names)}."
                : $"there is no model '{name}'; --model is one of {string.Join(", ", ModelCatalog.Names)}.");
        }

        var preset = ModelCatalog.Find(name);
        return crop is { } fraction ? preset with { Preprocessing = preset.Preprocessing with { CropFraction = fraction } } : preset;
    }

    /// <summary>A model with weights, in evaluation mode.</summary>
    /// <param name="preset">The model.</param>
    /// <param name="weightsPath">A safetensors file with timm's names, or one of TorchSharp's own format.</param>
    /// <param name="classCount">The number of classes, or null for the preset's.</param>
    /// <exception cref="ToolException">The file is missing, broken, or has other tensors; another number of classes is named as such.</exception>
    public static ImageClassifier Load(ModelPreset preset, string weightsPath, int? classCount)
    {
        if (!File.Exists(weightsPath))
        {
            throw new ToolException($"{weightsPath}: no such file of weights.");
        }

        var model = preset.Create(classCount);
        try
        {
            StateDict.Load(model, weightsPath);
            model.eval();
            return model;
        }
        catch (StateDictException error)
        {
            var head = error.Mismatched.FirstOrDefault(m => m.Name == "head.weight");
            var message = head is not null && error.Missing.Count == 0 && error.Unexpected.Count == 0 && error.Mismatched.All(m => m.Name.StartsWith("head", StringComparison.Ordinal))
                ? $"{weightsPath}: another number of classes than the model's {model.ClassCount}: {head}; give --classes."
                : error.Message;
            model.Dispose();
            throw new ToolException(message, error);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
