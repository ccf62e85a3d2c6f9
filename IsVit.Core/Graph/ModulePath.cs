namespace IsVit.Core.Graph;

/// <summary>Paths of modules from the root, names joined by dots.</summary>
internal static class ModulePath
{
    /// <summary>A module's path and those of all modules that hold it, from inside out, without the root.</summary>
    public static IEnumerable<string> Around(string path)
    {
        for (var end = path.Length; end > 0; end = path.LastIndexOf('.', end - 1))
        {
            yield return path[..end];
        }
    }

    /// <summary>Whether a module lies inside another one.</summary>
    public static bool IsInside(string path, string outer) =>
        path.Length > outer.Length && (outer.Length == 0 || (path[outer.Length] == '.' && path.StartsWith(outer, StringComparison.Ordinal)));
}
