using IsVit.Core.Graph;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Which unit a parameter or a site belongs to.</summary>
/// <param name="graph">The model.</param>
internal sealed class UnitOwners(ModuleGraph graph)
{
    private readonly Dictionary<string, int> _units = graph.Units.Select(static (unit, index) => (unit.Path, index)).ToDictionary(static entry => entry.Path, static entry => entry.index, StringComparer.Ordinal);
    private readonly Dictionary<string, int> _known = new(StringComparer.Ordinal);

    /// <summary>The number of the unit, -1 if it belongs to none.</summary>
    /// <param name="path">The path of a module, or of something in it.</param>
    public int UnitOf(string path)
    {
        if (!_known.TryGetValue(path, out var index))
        {
            _known[path] = index = Find(path);
        }

        return index;
    }

    private int Find(string path)
    {
        for (var end = path.Length; end > 0; end = path.LastIndexOf('.', end - 1))
        {
            if (_units.TryGetValue(path[..end], out var index))
            {
                return index;
            }
        }

        return _units.GetValueOrDefault("", -1);
    }
}
