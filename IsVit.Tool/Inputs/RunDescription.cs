using System.Globalization;
using IsVit.Core.Models;
using IsVit.Detection.Models;
using IsVit.Model.Saved;
using IsVit.Optimization;
using TorchSharp;

namespace IsVit.Tool.Inputs;

/// <summary>What the tool keeps beside a quantized model, so that <c>isvit evaluate</c> needs nothing but the file.</summary>
/// <param name="Model">The model's name in the catalogue.</param>
/// <param name="ClassCount">The number of classes.</param>
/// <param name="Crop">The centre crop that it was quantized with; null for a detector, which sees whole images.</param>
/// <param name="Method">The recipe.</param>
/// <param name="WeightBits">Bits of weights.</param>
/// <param name="ActivationBits">Bits of activations.</param>
/// <param name="Seed">The seed.</param>
internal sealed record RunDescription(string Model, int ClassCount, double? Crop, string Method, int WeightBits, int ActivationBits, int Seed)
{
    /// <summary>The bits of what is not quantized.</summary>
    public const int FloatBits = 32;

    private const string Prefix = "isvit.tool.";

    /// <summary>The classifier, if it is known otherwise than by a name of the catalogue.</summary>
    public ModelPreset? Shape { get; init; }

    /// <summary>The names of the classes, if they are known.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    private Dictionary<string, string> Metadata
    {
        get
        {
            var texts = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                [Prefix + nameof(Method)] = Method,
                [Prefix + nameof(WeightBits)] = Text(WeightBits),
                [Prefix + nameof(ActivationBits)] = Text(ActivationBits),
                [Prefix + nameof(Seed)] = Text(Seed),
            };
            if (IsDetector)
            {
                // A classifier's file describes its model itself.
                texts[Prefix + nameof(Model)] = Model;
                texts[Prefix + nameof(ClassCount)] = Text(ClassCount);
            }

            return texts;
        }
    }

    private bool IsDetector => DetectorCatalog.Names.Contains(Model, StringComparer.Ordinal);

    /// <summary>The classifier, and how images are prepared for it.</summary>
    /// <param name="choice">How images are prepared otherwise than when it was quantized; null for the same.</param>
    /// <exception cref="ToolException">It is no classifier that is known here.</exception>
    public ModelPreset Preset(PreparationChoice? choice = null) => (Shape ?? ModelInput.Find(Model).Prepared(new(Crop, null))).Prepared(choice ?? PreparationChoice.Own);

    /// <summary>Writes a quantized model with this description.</summary>
    /// <param name="quantized">The model.</param>
    /// <param name="path">The file.</param>
    /// <returns>The file's length in bytes.</returns>
    public long Write(QuantizedModel quantized, string path)
    {
        Describe(quantized);
        quantized.Save(path, Metadata);
        return new FileInfo(path).Length;
    }

    /// <summary>How long the file would be.</summary>
    /// <param name="quantized">The model.</param>
    /// <returns>Its length in bytes.</returns>
    public long Measure(QuantizedModel quantized)
    {
        Describe(quantized);
        using var counter = new CountingStream();
        quantized.Save(counter, Metadata);
        return counter.Length;
    }

    /// <summary>Reads the description of a file that <c>isvit quantize</c> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ToolException">The file is missing, or holds no such description.</exception>
    public static RunDescription Read(string path)
    {
        using var file = Open(path);
        return Of(file, path);
    }

    /// <summary>Reads the description of a saved model that any program wrote.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Null if it holds no such description.</returns>
    /// <exception cref="ToolException">The file is missing, or holds only a part of the description.</exception>
    public static RunDescription? TryRead(string path)
    {
        using var file = Open(path);
        return file.Metadata.ContainsKey(Prefix + nameof(Method)) ? Of(file, path) : null;
    }

    /// <summary>The quantized classifier of a file with this description, in evaluation mode.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where it runs.</param>
    /// <returns>The quantized model, and the module inside it; the caller disposes both.</returns>
    public (QuantizedModel Quantized, ImageClassifier Module) Load(string path, torch.Device device)
    {
        if (Shape is not null)
        {
            var opened = QuantizedModel.Open(path, device);
            return (opened, (ImageClassifier)opened.Model);
        }

        // The file does not describe its model, but has its name.
        var module = Preset().Create(ClassCount);
        try
        {
            module.to(device);
            var quantized = QuantizedModel.Load(path, module);
            return (quantized, module);
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a model's parameters.</summary>
    /// <param name="model">The model.</param>
    public static long FloatBytes(torch.nn.Module model) => model.parameters().Sum(static p => p.numel() * p.element_size());

    private static SavedModel Open(string path) => File.Exists(path) ? SavedModel.Open(path) : throw new ToolException($"{path}: no such file.");

    private static RunDescription Of(SavedModel file, string path)
    {
        // Files of detectors, and those of 0.1 before models were described, have the first ones as texts.
        var texts = file.Metadata;
        var description = new RunDescription(
            file.Description?.Name ?? Required(texts, path, nameof(Model)),
            file.Description?.Architecture.ClassCount ?? Number<int>(texts, path, nameof(ClassCount)),
            file.Description?.Preprocessing?.CropFraction,
            Required(texts, path, nameof(Method)),
            Number<int>(texts, path, nameof(WeightBits)),
            Number<int>(texts, path, nameof(ActivationBits)),
            Number<int>(texts, path, nameof(Seed)));
        if (file.Description is { Name: { } name, Preprocessing: { } preprocessing } known)
        {
            description = description with { Shape = new ModelPreset(name, known.Architecture, preprocessing), Classes = known.Classes };
        }

        return description.Crop is null && !description.IsDetector ? description with { Crop = Number<double>(texts, path, nameof(Crop)) } : description;
    }

    private void Describe(QuantizedModel quantized)
    {
        if (!IsDetector)
        {
            quantized.Description = (quantized.Description ?? throw new InvalidOperationException($"'{Model}' is no model of the catalogue.")) with { Name = Model, Preprocessing = Preset().Preprocessing, Classes = Classes };
        }
    }

    private static string Required(IReadOnlyDictionary<string, string> texts, string path, string name) => texts.TryGetValue(Prefix + name, out var text)
        ? text
        : throw new ToolException($"{path}: no quantized model that 'isvit quantize' saved: it lacks the metadata '{Prefix + name}'.");

    private static T Number<T>(IReadOnlyDictionary<string, string> texts, string path, string name)
        where T : IParsable<T>
    {
        var text = Required(texts, path, name);
        return T.TryParse(text, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new ToolException($"{path}: the metadata '{Prefix + name}' is '{text}', expected a number.");
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
