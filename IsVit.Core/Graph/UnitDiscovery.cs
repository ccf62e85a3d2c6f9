using IsVit.Model;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// Chooses units where none are named: the members of module lists, which are the blocks that a network repeats. A member that is itself a row of blocks, such
/// as a stage, gives its blocks. What stands outside of lists is reconstructed layer by layer; a layer that runs several times in one forward, with the smallest module around it that runs once.
/// </summary>
internal sealed class UnitDiscovery
{
    private readonly Dictionary<string, nn.Module> _modules;
    private readonly ILookup<string, ModuleCall> _calls;
    private readonly HashSet<string> _withSites;
    private readonly HashSet<string> _aroundRepeated;
    private readonly HashSet<string> _units = new(StringComparer.Ordinal);

    public UnitDiscovery(Dictionary<string, nn.Module> modules, IReadOnlyList<ModuleCall> calls, IReadOnlyList<Site> sites)
    {
        _modules = modules;
        _calls = calls.ToLookup(static call => call.Path, StringComparer.Ordinal);
        _withSites = sites.SelectMany(static site => ModulePath.Around(site.Path)).ToHashSet(StringComparer.Ordinal);
        _aroundRepeated = sites.Where(site => _calls[site.Path].Count() > 1).Select(site => ModulePath.Around(site.Path).FirstOrDefault(path => _calls[path].Count() == 1)).OfType<string>().ToHashSet(StringComparer.Ordinal);
    }

    public HashSet<string> Find()
    {
        if (_modules[""].children().Any())
        {
            Visit("");
        }
        else
        {
            _units.Add("");
        }

        return _units;
    }

    private static bool IsList(nn.Module module) =>
        module is Sequential || (module.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(ModuleList<>));

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private void Visit(string path)
    {
        var isList = IsList(_modules[path]);
        foreach (var (name, child) in _modules[path].named_children())
        {
            var childPath = Join(path, name);
            if (!_withSites.Contains(childPath))
            {
                continue;
            }

            var runsOnce = _calls[childPath].Count() == 1;
            if (_aroundRepeated.Contains(childPath) || (runsOnce && ((child is nn.Module<Tensor, Tensor> && !child.children().Any()) || (isList && child is not Sequential && !HoldsRow(childPath)))))
            {
                _units.Add(childPath);
            }
            else
            {
                Visit(childPath);
            }
        }
    }

    // Whether a list inside holds blocks each of which reads the one before; heads beside each other do not.
    private bool HoldsRow(string path)
    {
        foreach (var (name, child) in _modules[path].named_children())
        {
            var childPath = Join(path, name);
            if ((IsList(child) && IsRow(childPath, child)) || HoldsRow(childPath))
            {
                return true;
            }
        }

        return false;
    }

    private bool IsRow(string path, nn.Module list)
    {
        var members = list.named_children().Select(child => (child.module, calls: _calls[Join(path, child.name)].ToList())).ToList();
        return members.Count > 1
            && members.All(static member => member.module.children().Any() && member.calls.Count == 1)
            && members.Zip(members.Skip(1)).All(static pair => pair.First.calls[0].Outputs.Any(output => output.Identity == pair.Second.calls[0].Inputs[0].Identity));
    }
}
