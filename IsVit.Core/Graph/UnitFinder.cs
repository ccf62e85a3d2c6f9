using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
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
        SampleBatch sample)
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
            paths = new UnitDiscovery(modules, calls, sites).Find();
        }

        foreach (var path in paths)
        {
            Require(path, modules, calls, paths);
        }

        var count = Math.Max(1, sample.Count);
        return [.. calls.Where(call => paths.Contains(call.Path)).Select(call => new Unit(call.Path)
        {
            InputShapes = [.. call.Inputs.Select(static input => input.Shape)],
            OutputShapes = [.. call.Outputs.Select(static output => output.Shape)],
            InputBytesPerSample = call.Inputs.Sum(static input => input.Bytes) / count,
            OutputBytesPerSample = call.Outputs.Sum(static output => output.Bytes) / count,
        })];
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

    private static void Require(string path, Dictionary<string, nn.Module> modules, IReadOnlyList<ModuleCall> calls, HashSet<string> paths)
    {
        if (TypedModule.TryOf(modules[path]) is null)
        {
            throw new QuantizationException($"The unit '{path}' is a {modules[path].GetName()}, a container that is never called; choose the module around it or those inside.");
        }

        if (calls.Count(call => call.Path == path) is var count and not 1)
        {
            throw new QuantizationException(count == 0
                ? $"The unit '{path}' never fired while tracing: it is unused, or its forward is called instead of call, and hooks fire on call only; or no tensors flow into it and out of it."
                : FormattableString.Invariant($"The unit '{path}' ran {count} times in one forward; a unit runs once. Choose the modules inside it, or give each use a module of its own."));
        }

        if (paths.FirstOrDefault(other => ModulePath.IsInside(path, other)) is { } outer)
        {
            throw new QuantizationException($"The unit '{path}' lies inside the unit '{outer}'; choose one of them.");
        }
    }
}
