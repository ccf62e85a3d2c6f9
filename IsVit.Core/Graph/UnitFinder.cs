using IsVit.Core.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Finds the units of a traced graph: those asked for, else those the model declares, else the members of its module lists.</summary>
internal static class UnitFinder
{
    public static List<Unit> Find(
        Dictionary<string, nn.Module> modules,
        IReadOnlyList<ModuleCall> calls,
        IReadOnlyList<Site> sites,
        TraceOptions options,
        IGraphDeclaration? declaration,
        long batch)
    {
        HashSet<string> paths;
        if (options.Units.Count > 0)
        {
            paths = Match(options.Units, modules);
        }
        else if (declaration?.DeclareUnits().ToList() is { Count: > 0 } declared)
        {
            paths = Match(declared, modules);
        }
        else
        {
            paths = new(StringComparer.Ordinal);
            Discover("", modules[""], sites.Select(static site => site.Path).ToHashSet(StringComparer.Ordinal), paths);
        }

        foreach (var path in paths)
        {
            Require(path, modules, calls, paths);
        }

        return [.. calls.Where(call => paths.Contains(call.Path)).Select(call =>
            new Unit(call.Path, call.InputShape, call.OutputShape, (call.InputBytes + call.OutputBytes) / Math.Max(1, batch)))];
    }

    private static HashSet<string> Match(IEnumerable<string> patterns, Dictionary<string, nn.Module> modules)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        foreach (var text in patterns)
        {
            var pattern = new PathPattern(text);
            var matched = modules.Keys.Where(pattern.IsMatch).ToList();
            if (matched.Count == 0)
            {
                throw new QuantizationException($"No module fits the unit '{text}'. The graph's modules are {string.Join(", ", modules.Keys.Where(static path => path.Length > 0).Take(40))}.");
            }

            paths.UnionWith(matched);
        }

        return paths;
    }

    // A list's members are the blocks that a network repeats; what stands outside of lists is reconstructed layer by layer.
    private static void Discover(string path, nn.Module module, HashSet<string> siteModules, HashSet<string> units)
    {
        var isList = module is Sequential || (module.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(ModuleList<>));
        foreach (var (name, child) in module.named_children())
        {
            var childPath = path.Length == 0 ? name : $"{path}.{name}";
            if (!siteModules.Any(site => site == childPath || site.StartsWith(childPath + '.', StringComparison.Ordinal)))
            {
                continue;
            }

            var isCallable = child is nn.Module<Tensor, Tensor> and not Sequential;
            if (isCallable && (isList || !child.children().Any()))
            {
                units.Add(childPath);
            }
            else
            {
                Discover(childPath, child, siteModules, units);
            }
        }
    }

    private static void Require(string path, Dictionary<string, nn.Module> modules, IReadOnlyList<ModuleCall> calls, HashSet<string> paths)
    {
        if (modules[path] is not nn.Module<Tensor, Tensor>)
        {
            throw new QuantizationException($"The unit '{path}' is a {modules[path].GetName()}, which does not take one tensor and give one; choose the module around it or those inside.");
        }

        if (calls.Count(call => call.Path == path) is var count and not 1)
        {
            throw new QuantizationException(count == 0
                ? $"The unit '{path}' never fired while tracing; hooks fire on call, not on forward."
                : $"The unit '{path}' ran {count} times in one forward; a unit runs once.");
        }

        if (paths.FirstOrDefault(other => other != path && (other.Length == 0 || path.StartsWith(other + '.', StringComparison.Ordinal))) is { } outer)
        {
            throw new QuantizationException($"The unit '{path}' lies inside the unit '{outer}'.");
        }
    }
}
