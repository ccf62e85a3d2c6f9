using IsVit.Core.Models;
using IsVit.Detection.Models;

namespace IsVit.Tool.Inputs;

/// <summary>Which kind of model a name or a file is of: a classifier of <see cref="ModelCatalog"/> or a detector of <see cref="DetectorCatalog"/>.</summary>
internal static class ModelKinds
{
    /// <summary>Whether a name is a detector's.</summary>
    /// <param name="name">The name that the user gave.</param>
    /// <exception cref="ToolException">There is no model of that name in either catalogue.</exception>
    public static bool IsDetector(string name) => DetectorCatalog.Names.Contains(name, StringComparer.Ordinal)
        || (ModelCatalog.Names.Contains(name.Split('.')[0], StringComparer.Ordinal)
            ? false
            : throw new ToolException($"there is no model '{name}';{Meant(name)} 'isvit models' lists all names."));

    /// <summary>Refuses a name of a detector.</summary>
    /// <param name="name">The name that the user gave.</param>
    /// <param name="command">What was to be done with it.</param>
    /// <exception cref="ToolException">It is one, or there is no model of that name.</exception>
    public static void RequireClassifierName(string name, string command)
    {
        if (IsDetector(name))
        {
            throw new ToolException($"--model {name} is a detector; {For(command)}");
        }
    }

    /// <summary>Refuses a file that holds a detector.</summary>
    /// <param name="path">The saved model.</param>
    /// <param name="command">What was to be done with it.</param>
    /// <exception cref="ToolException">It holds one, or is missing.</exception>
    public static void RequireClassifier(string path, string command)
    {
        if (IsDetector(path, null))
        {
            throw new ToolException($"{path}: holds the detector '{RunDescription.Read(path).Model}'; {For(command)}");
        }
    }

    private static string For(string command) => $"'isvit {command}' takes classifiers. {(command == "sensitivity"
        ? "'isvit quantize --budget' chooses a detector's bits."
        : "'isvit evaluate' scores detectors, 'isvit detect' shows what they find.")}";

    private static string Meant(string name) => ModelCatalog.Closest(ModelCatalog.Names.Concat(DetectorCatalog.Names), name.Split('.')[0]) is { Count: > 0 } closest ? $" did you mean {string.Join(" or ", closest)}?" : string.Empty;

    /// <summary>Whether a saved model is a detector.</summary>
    /// <param name="path">The file; an ONNX file is a classifier's.</param>
    /// <param name="name">The name that the user gave, for a file that says nothing of itself; null for none.</param>
    /// <exception cref="ToolException">The file is missing, or of a model that is in no catalogue.</exception>
    public static bool IsDetector(string path, string? name) =>
        !OnnxClassifier.Supports(path) && RunDescription.TryRead(path) is var saved && saved?.Shape is null && (saved?.Model ?? name) is { } model && IsDetector(model);
}
