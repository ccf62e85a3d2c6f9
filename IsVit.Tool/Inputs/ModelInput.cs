using System.Globalization;
using IsVit.Core.Models;
using IsVit.Core.Models.Pretrained;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Models;
using IsVit.Model.Architectures;

namespace IsVit.Tool.Inputs;

/// <summary>A classifier by what the user gave: a name of the catalogue, a file of weights, or a folder of them with their configuration.</summary>
internal static class ModelInput
{
    /// <summary>The model's preset.</summary>
    /// <param name="name">A name of <see cref="ModelCatalog.Names"/>, or timm's full name with a tag.</param>
    /// <exception cref="ToolException">There is no classifier of that name.</exception>
    public static ModelPreset Find(string name)
    {
        if (ModelKinds.IsDetector(name))
        {
            throw new ToolException($"'{name}' is a detector; expected one of the classifiers {string.Join(", ", ModelCatalog.Names)}.");
        }

        return ModelCatalog.Find(name);
    }

    /// <summary>The preset with what was chosen in place of its own preparation of images.</summary>
    /// <param name="preset">The preset.</param>
    /// <param name="choice">What was chosen.</param>
    public static ModelPreset Prepared(this ModelPreset preset, PreparationChoice choice) => preset with { Preprocessing = choice.Apply(preset.Preprocessing) };

    /// <summary>Opens weights and finds out which classifier they are of.</summary>
    /// <param name="weights">A file, or a folder such as a snapshot of a model hub.</param>
    /// <param name="choice">The name of the model if it was given, and what else is not to be taken from the files.</param>
    /// <param name="classCount">The number of classes that the user expects; null for that of the weights.</param>
    /// <param name="report">Where is said what was found out.</param>
    /// <exception cref="ToolException">The file is missing, or has another number of classes.</exception>
    public static PretrainedModel Open(string weights, PretrainedModelOptions choice, int? classCount, TextWriter report)
    {
        if (choice.Model is { } name)
        {
            Find(name);
        }

        if (!Path.Exists(weights))
        {
            throw new ToolException($"{weights}: no such file of weights.");
        }

        var source = PretrainedModel.Open(weights, choice);
        if (classCount is { } expected && source.Description.Architecture.ClassCount is var found && found != expected)
        {
            source.Dispose();
            throw new ToolException(string.Create(CultureInfo.InvariantCulture, $"{weights}: has {(found == 0 ? "no head, and so no" : $"{found}")} classes, not {expected}; leave out --classes."));
        }

        foreach (var note in source.Notes)
        {
            report.WriteLine($"{Path.GetFileName(Path.TrimEndingDirectorySeparator(weights))}: {note}");
        }

        return source;
    }

    /// <summary>Name, shape and preprocessing of weights.</summary>
    /// <param name="source">The weights.</param>
    /// <param name="choice">How images are prepared otherwise than the weights' files say.</param>
    public static ModelPreset Preset(this PretrainedModel source, PreparationChoice choice) =>
        new ModelPreset(source.Description.Name!, source.Description.Architecture, source.Description.Preprocessing!).Prepared(choice);

    /// <summary>The float model that a file's quantized model is compared with, in evaluation mode.</summary>
    /// <param name="quantized">The file. A graph does not say the shape of a model that is not of the catalogue; the weights' own configuration does.</param>
    /// <param name="preset">The model that the file names.</param>
    /// <param name="classCount">Its number of classes.</param>
    /// <param name="weights">The float weights.</param>
    /// <exception cref="ToolException">They are missing, broken, or of another model.</exception>
    public static ImageClassifier LoadBeside(string quantized, ModelPreset preset, int classCount, string weights)
    {
        if (!OnnxClassifier.Supports(quantized) || ModelCatalog.Names.Contains(preset.Name.Split('.')[0], StringComparer.Ordinal))
        {
            return Load(preset, weights, classCount);
        }

        using var source = Open(weights, new PretrainedModelOptions { ImageSize = preset.Options.ImageSize, WindowSize = (preset.Options as SwinTransformerOptions)?.WindowSize }, classCount, TextWriter.Null);
        return source.Load();
    }

    /// <summary>A model with the weights that another one was quantized from, in evaluation mode.</summary>
    /// <param name="preset">The model.</param>
    /// <param name="weightsPath">Its weights: a file, or a folder.</param>
    /// <param name="classCount">The number of classes, or null for the preset's.</param>
    /// <exception cref="ToolException">The file is missing, broken, or has other tensors; another number of classes is named as such.</exception>
    public static ImageClassifier Load(ModelPreset preset, string weightsPath, int? classCount)
    {
        if (!Path.Exists(weightsPath))
        {
            throw new ToolException($"{weightsPath}: no such file of weights.");
        }

        var model = preset.Create(classCount);
        try
        {
            using var weights = PretrainedModel.OpenWeights(weightsPath);
            StateDict.Load(model, weights, new StateDictLoadOptions { Resize = true });
            model.eval();
            return model;
        }
        catch (StateDictException error)
        {
            var head = error.Mismatched.FirstOrDefault(static mismatch => mismatch.Name is "head.weight" or "head.fc.weight");
            var message = head is not null && error.Missing.Count == 0 && error.Unexpected.Count == 0 && error.Mismatched.All(static mismatch => mismatch.Name.StartsWith("head", StringComparison.Ordinal))
                ? string.Create(CultureInfo.InvariantCulture, $"{weightsPath}: another number of classes than the model's {model.ClassCount}: {head}.")
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
