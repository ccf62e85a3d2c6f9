using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Models;
using IsVit.Optimization;
using TorchSharp;

namespace IsVit.Tool.Inputs;

/// <summary>A detector of the catalogue by what the user gave: its name and a file of float weights, or the file of a quantized detector.</summary>
/// <param name="Preset">The detector.</param>
/// <param name="ClassCount">The number of object classes.</param>
/// <param name="Path">The file.</param>
/// <param name="IsQuantized">Whether the file is a quantized detector's.</param>
/// <param name="Saved">What <c>isvit quantize</c> wrote beside a quantized detector; null for one that another program saved, and for float weights.</param>
internal sealed record DetectorSource(DetectorPreset Preset, int ClassCount, string Path, bool IsQuantized, RunDescription? Saved)
{
    /// <summary>The detector's preset.</summary>
    /// <param name="name">A name of <see cref="DetectorCatalog.Names"/>.</param>
    /// <exception cref="ToolException">There is no detector of that name, or a classifier has it.</exception>
    public static DetectorPreset Find(string name)
    {
        if (ModelCatalog.Names.Contains(name, StringComparer.Ordinal))
        {
            throw new ToolException($"'{name}' is a classifier; expected one of the detectors {string.Join(", ", DetectorCatalog.Names)}.");
        }

        try
        {
            return DetectorCatalog.Find(name);
        }
        catch (ArgumentException error)
        {
            throw new ToolException(error.Message, error);
        }
    }

    /// <summary>A detector with float weights.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="path">Its weights.</param>
    /// <param name="classCount">The number of object classes, or null for the detector's own.</param>
    /// <exception cref="ToolException">There is no detector of that name.</exception>
    public static DetectorSource OfWeights(string name, string path, int? classCount)
    {
        var preset = Find(name);
        return new DetectorSource(preset, classCount ?? preset.Options.ClassCount, path, IsQuantized: false, Saved: null);
    }

    /// <summary>A quantized detector.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="name">Its name; null where <c>isvit quantize</c> wrote the file, which says it.</param>
    /// <param name="classCount">The number of object classes; null for what the file says, and else the detector's own.</param>
    /// <exception cref="ToolException">The file is missing, says something else, or does not say what it is of.</exception>
    public static DetectorSource OfQuantized(string path, string? name, int? classCount)
    {
        var given = name is null ? null : Find(name);
        var saved = RunDescription.TryRead(path);
        var preset = given ?? Find(saved?.Model ?? throw new ToolException($"{path}: does not say which detector it is of; give --model."));
        if (saved is not null && saved.Model != preset.Name)
        {
            throw new ToolException($"{path}: is a quantized {saved.Model}, not a {preset.Name}; leave out --model.");
        }

        if (saved is not null && classCount is { } count && count != saved.ClassCount)
        {
            throw new ToolException(FormattableString.Invariant($"{path}: is a detector of {saved.ClassCount} classes, not of {count}; leave out --classes."));
        }

        return new DetectorSource(preset, saved?.ClassCount ?? classCount ?? preset.Options.ClassCount, path, IsQuantized: true, saved);
    }

    /// <summary>Loads the detector, in evaluation mode.</summary>
    /// <param name="device">Where it runs.</param>
    /// <returns>The detector, and what quantizes it, which does not dispose it; null for float weights.</returns>
    /// <exception cref="ToolException">The weights are missing, or have other tensors; another number of classes is named as such.</exception>
    public (Detector Detector, QuantizedModel? Quantized) Load(torch.Device device)
    {
        if (!IsQuantized && !File.Exists(Path))
        {
            throw new ToolException($"{Path}: no such file of weights.");
        }

        var detector = Preset.Create(ClassCount);
        try
        {
            detector.eval();
            if (!IsQuantized)
            {
                StateDict.Load(detector, Path);
            }

            detector.to(device);
            return (detector, IsQuantized ? QuantizedModel.Load(Path, ModelForward.Of(detector)) : null);
        }
        catch (StateDictException error)
        {
            detector.Dispose();
            throw new ToolException(OtherClasses(error) is { } head ? FormattableString.Invariant($"{Path}: another number of classes than {ClassCount}: {head}; give --classes.") : error.Message, error);
        }
        catch
        {
            detector.Dispose();
            throw;
        }
    }

    // Where nothing but the last layers of the heads has another shape.
    private static StateDictMismatch? OtherClasses(StateDictException error) =>
        error.Missing.Count == 0 && error.Unexpected.Count == 0 && error.Mismatched.All(static mismatch => mismatch.Name.StartsWith("roi_head.", StringComparison.Ordinal))
            ? error.Mismatched.FirstOrDefault(static mismatch => mismatch.Name.EndsWith(".fc_cls.weight", StringComparison.Ordinal))
            : null;
}
