using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using IsVit.Model.Files;
using IsVit.Model.Saved;

namespace IsVit.Core.Models.Pretrained;

/// <summary>
/// Trained weights as people have them: a snapshot of a model hub (<c>config.json</c> of Hugging Face or timm, <c>preprocessor_config.json</c>, weights in one file or several), or a file of weights of a known model.
/// Three questions are answered apart: which container (<see cref="WeightFile"/>), whose names (<see cref="IStateDictNames"/>), which architecture (<see cref="Description"/>).
/// </summary>
public sealed class PretrainedModel : IDisposable
{
    // Positions are resized to the image.
    private const double MostResized = 1 << 28;

    private readonly StateDictLoadOptions _loading;

    private PretrainedModel(WeightFile weights, string names, ModelDescription description, StateDictLoadOptions loading, IReadOnlyList<string> notes) =>
        (Weights, Names, Description, _loading, Notes) = (weights, names, description, loading, notes);

    /// <summary>The file of weights, open.</summary>
    public WeightFile Weights { get; }

    /// <summary>The kind of model and whose names its tensors have, in a few words.</summary>
    public string Names { get; }

    /// <summary>Architecture, name, preprocessing and class names.</summary>
    public ModelDescription Description { get; }

    /// <summary>What was found out or decided and is good to know, a line each.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Opens a snapshot or a file.</summary>
    /// <param name="path">A folder with weights and their <c>config.json</c>; or a file of weights, beside which <c>config.json</c> is looked for.</param>
    /// <param name="options">What is not to be taken from the files; null for nothing.</param>
    /// <exception cref="PretrainedModelException">There are no weights, it is not clear of which model they are, or a configuration says what is not supported.</exception>
    /// <exception cref="WeightFileException">The file of weights has another format or is corrupt.</exception>
    /// <exception cref="ArgumentException"><see cref="PretrainedModelOptions.Model"/> is no name of the catalogue.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range, such as an image size that is no multiple of the patch size.</exception>
    public static PretrainedModel Open(string path, PretrainedModelOptions? options = null)
    {
        options ??= new();
        var location = WeightLocation.Of(path);
        var file = WeightFile.Open(location.File);
        try
        {
            List<string> notes = location.Note is { } note ? [note] : [];
            var weights = RecognizedWeights.Of(file, options.Prefix);
            if (weights.Prefix.Length > 0 && options.Prefix.Length == 0)
            {
                notes.Add($"all names begin with '{weights.Prefix}', which is left out");
            }

            if (file.Metadata.TryGetValue(PyTorchFile.SectionKey, out var section))
            {
                notes.Add($"the weights are those under '{section}' of the checkpoint");
            }

            var description = options.Model is null ? DescribeFiles(location, weights, options, notes) : Describe(location, weights, options, notes);
            if (options.Model is null)
            {
                RequirePossible(description, location, file);
            }

            description = Adapt(description, weights, options, notes);
            description.Architecture.Validate();
            return new PretrainedModel(file, weights.Layout, description, new StateDictLoadOptions { Prefix = weights.Prefix, Skip = Skip(options, weights), Resize = true }, notes);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens the weights alone: the file itself, the weights of a folder, or all files of which one is given.</summary>
    /// <param name="path">A file or a folder.</param>
    /// <exception cref="PretrainedModelException">There are none.</exception>
    /// <exception cref="WeightFileException">The file has another format or is corrupt.</exception>
    public static WeightFile OpenWeights(string path) => WeightFile.Open(WeightLocation.Of(path).File);

    /// <summary>What names and shapes say of a model: whose names they are, and its sizes.</summary>
    /// <param name="weights">The tensors.</param>
    public static string Recognize(WeightFile weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var found = RecognizedWeights.Of(weights, string.Empty);
        return found.Shapes.Count == 0 ? found.Layout : $"{found.Layout}{(found.Prefix.Length > 0 ? $" behind '{found.Prefix}'" : string.Empty)}: {ArchitectureGuess.Describe(found)}";
    }

    /// <summary>Creates the model and loads its weights.</summary>
    /// <returns>The model in evaluation mode, on the CPU; the caller disposes it.</returns>
    /// <exception cref="StateDictException">Names are missing or unexpected, or shapes differ.</exception>
    /// <exception cref="WeightFileException">A tensor is corrupt, or of a type that TorchSharp has not.</exception>
    public ImageClassifier Load()
    {
        var model = Description.Architecture.Create();
        try
        {
            StateDict.Load(model, Weights, _loading);
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Finds out whether <see cref="Load"/> would succeed.</summary>
    /// <returns>What does not fit; null if all fits.</returns>
    public StateDictException? Check()
    {
        using var model = Description.Architecture.Create();
        return StateDict.Check(model, Weights, _loading);
    }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();

    private static ModelDescription Describe(WeightLocation location, RecognizedWeights weights, PretrainedModelOptions options, List<string> notes)
    {
        if (options.Model is { } model)
        {
            return Of(ModelCatalog.Find(model), weights, model);
        }

        var config = ConfigurationFile.TryRead(Path.Combine(location.Folder, "config.json"));
        if (config?.Has("architecture") == true)
        {
            var preset = TimmConfiguration.Preset(config, weights);
            return new(preset.Options) { Name = preset.Name, Preprocessing = preset.Preprocessing, Classes = TimmConfiguration.Classes(config, preset.Options.ClassCount) };
        }

        if (config?.Has("model_type") == true)
        {
            return OfHuggingFace(location, config, weights, notes);
        }

        var candidates = ArchitectureGuess.Presets(weights);
        return candidates.Count == 1
            ? Of(candidates[0], weights, candidates[0].Name)
            : throw new PretrainedModelException(
                $"{location.File}: {weights.Layout}{(weights.Shapes.Count > 0 ? $": {ArchitectureGuess.Describe(weights)}" : string.Empty)}. "
                + (candidates.Count == 0 ? "No model of the catalogue has these sizes" : $"It may be {string.Join(" or ", candidates.Select(static preset => preset.Name))}")
                + $", and there is no config.json that says which model it is; give the model's name ({nameof(PretrainedModelOptions)}.{nameof(PretrainedModelOptions.Model)}; --model of the tool).");
    }

    private static ModelDescription DescribeFiles(WeightLocation location, RecognizedWeights weights, PretrainedModelOptions options, List<string> notes)
    {
        try
        {
            return Describe(location, weights, options, notes);
        }
        catch (ArgumentException error)
        {
            throw new PretrainedModelException($"{Path.Combine(location.Folder, "config.json")}: describes no model: {error.Message}", error);
        }
    }

    // What files say is theirs; what options change is checked for itself.
    private static void RequirePossible(ModelDescription description, WeightLocation location, WeightFile file)
    {
        var config = Path.Combine(location.Folder, "config.json");
        var source = File.Exists(config) ? config : location.File;
        try
        {
            description.Architecture.Validate();
        }
        catch (ArgumentException error)
        {
            throw new PretrainedModelException($"{source}: describes no model: {error.Message}", error);
        }

        var numbers = file.Tensors.Values.Sum(static tensor => PlausibleSizes.Count(tensor.Shape));
        if (PlausibleSizes.Fault(description.Architecture, numbers, MostResized, MostResized) is { } fault)
        {
            throw new PretrainedModelException($"{source}: describes a model that {location.File} cannot hold: {fault}.");
        }
    }

    private static ModelDescription OfHuggingFace(WeightLocation location, ConfigurationFile config, RecognizedWeights weights, List<string> notes)
    {
        var architecture = HuggingFaceConfiguration.Options(config, weights);
        var preprocessor = ConfigurationFile.TryRead(Path.Combine(location.Folder, "preprocessor_config.json"));

        // DINOv2 is trained on large images and used on smaller ones, by resized positions.
        if (architecture is VisionTransformerOptions { RegisterPositions: false } && preprocessor is not null && new HuggingFaceProcessor(preprocessor, config).Side is { } side && side % architecture.PatchSize == 0)
        {
            architecture = architecture with { ImageSize = side };
        }

        return new(architecture)
        {
            Name = NameOf(location.Folder),
            Preprocessing = HuggingFaceConfiguration.Preprocessing(preprocessor, config, architecture.ImageSize, notes),
            Classes = HuggingFaceConfiguration.Classes(config, architecture.ClassCount),
        };
    }

    private static ModelDescription Of(ModelPreset preset, RecognizedWeights weights, string name)
    {
        var classes = weights.Shapes.Count > 0 ? weights.ClassCount : preset.Options.ClassCount;
        return new(preset.Options with { ClassCount = classes }) { Name = name, Preprocessing = preset.Preprocessing };
    }

    // What the caller asked for, and what the tensors show that a name does not say.
    private static ModelDescription Adapt(ModelDescription description, RecognizedWeights weights, PretrainedModelOptions options, List<string> notes)
    {
        var architecture = description.Architecture;
        if (options.ClassCount is { } classes)
        {
            architecture = architecture with { ClassCount = classes };
        }
        else if (architecture.ClassCount == 0)
        {
            notes.Add("there is no head among the weights: the model outputs features");
        }

        if (architecture is VisionTransformerOptions { RegisterTokenCount: > 0, PatchPositionsOnly: true } vit && weights.Find("pos_embed") is [_, var positions, _]
            && PositionEmbedding.SideOf(positions, 0) is null && PositionEmbedding.SideOf(positions, vit.PrefixTokenCount - vit.RegisterTokenCount) is not null)
        {
            architecture = vit with { PatchPositionsOnly = false, RegisterPositions = false };
        }

        if (options.ImageSize is { } size)
        {
            architecture = architecture is VisionTransformerOptions shape ? shape with { ImageSize = size, ImageWidth = null } : architecture with { ImageSize = size };
        }

        if (options.WindowSize is { } window)
        {
            architecture = architecture is SwinTransformerOptions windowed
                ? windowed with { WindowSize = window }
                : throw new PretrainedModelException($"{nameof(PretrainedModelOptions)}.{nameof(PretrainedModelOptions.WindowSize)} (--window-size of the tool) is of Swin transformers; the weights are of: {weights.Layout}.");
        }

        if (architecture is SwinTransformerOptions swin)
        {
            notes.AddRange(ResizedTables(swin, weights));
        }

        if (architecture is VisionTransformerOptions sized && weights.Find("pos_embed") is [_, var count, _] && count != sized.PrefixPositionCount + sized.PatchCount && PositionEmbedding.SideOf(count, sized.PrefixPositionCount) is { } side)
        {
            notes.Add(FormattableString.Invariant($"the position embedding of {side} x {side} patches is resized to {sized.PatchesPerSide} x {sized.PatchColumns}, for images of {sized.ImageSize} pixels"));
        }

        return description with { Architecture = architecture, Preprocessing = description.Preprocessing is { } preprocessing ? preprocessing with { ImageSize = architecture.ImageSize } : null, Classes = architecture.ClassCount == description.Classes?.Count ? description.Classes : null };
    }

    private static IEnumerable<string> ResizedTables(SwinTransformerOptions swin, RecognizedWeights weights) => Enumerable.Range(0, swin.Depths.Count)
        .Select(layer => (Layer: layer, From: WindowOf(layer, weights), To: swin.WindowOf(layer)))
        .Where(static table => table.From is { } window && window != table.To)
        .GroupBy(static table => (table.From, table.To), static table => table.Layer)
        .Select(static layers => FormattableString.Invariant($"the relative position biases of windows of {layers.Key.From} are resized to windows of {layers.Key.To}, in layers.{string.Join(", layers.", layers)}"));

    private static int? WindowOf(int layer, RecognizedWeights weights) =>
        weights.Find(FormattableString.Invariant($"layers.{layer}.blocks.0.attn.relative_position_bias_table")) is [var count, _] ? RelativePositionBias.WindowOf(count) : null;

    private static Func<string, bool>? Skip(PretrainedModelOptions options, RecognizedWeights weights)
    {
        if (options.ClassCount != 0 || weights.ClassCount == 0)
        {
            return options.Skip;
        }

        var skip = options.Skip;
        return name => name.StartsWith("head", StringComparison.Ordinal) || skip?.Invoke(name) == true;
    }

    // A hub's cache calls the folder of a snapshot by its hash, below one of the model's name.
    private static string NameOf(string folder)
    {
        var names = Path.TrimEndingDirectorySeparator(folder).Split(Path.DirectorySeparatorChar);
        return names is [.., var model, "snapshots", _] && model.StartsWith("models--", StringComparison.Ordinal) ? model.Split("--")[^1] : names[^1];
    }
}
