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

    private static string Meant(string name) => ModelCatalog.Closest(ModelCatalog.Names.Concat(DetectorCatalog.Names), name.Split('.')[0]) is { Count: > 0 } closest ? $" did you mean {string.Join(" or ", closest)}?" : string.Empty;

    /// <summary>Whether a saved model is a detector.</summary>
    /// <param name="path">The file; an ONNX file is a classifier's.</param>
    /// <param name="name">The name that the user gave, for a file that says nothing of itself; null for none.</param>
    /// <exception cref="ToolException">The file is missing, or of a model that is in no catalogue.</exception>
    public static bool IsDetector(string path, string? name) =>
        !OnnxClassifier.Supports(path) && RunDescription.TryRead(path) is var saved && saved?.Shape is null && (saved?.Model ?? name) is { } model && IsDetector(model);
}
