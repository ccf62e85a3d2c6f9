using IsVit.Model;
using IsVit.Model.Quantization;

namespace IsVit.Core.Graph;

/// <summary>Weights that share memory with another parameter: changing one changes the other.</summary>
internal static class TiedWeights
{
    /// <summary>Throws if a weight that is to be quantized is also another parameter of the graph, or a part of it.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="sites">The sites that are quantized.</param>
    /// <exception cref="QuantizationException">The message names both parameters.</exception>
    public static void RequireNone(ModuleGraph graph, IEnumerable<Site> sites)
    {
        var parameters = (
            from module in graph.Modules
            from own in module.Value.named_parameters(recurse: false)
            where TensorIdentity.Tells(own.parameter)
            select (Name: Name(module.Key, own.name), Identity: TensorIdentity.Of(own.parameter))).ToLookup(static entry => entry.Identity.Storage);
        foreach (var site in sites.Where(static site => site.Operand == SiteOperand.Weight))
        {
            var tensor = ModuleWeight.Get(graph.Modules[site.Path]);
            if (!TensorIdentity.Tells(tensor))
            {
                continue;
            }

            var weight = TensorIdentity.Of(tensor);
            var other = parameters[weight.Storage].FirstOrDefault(entry => entry.Name != Name(site.Path, "weight") && Overlap(entry.Identity, weight));
            if (other.Name is { } name)
            {
                throw new QuantizationException(
                    $"The weight of '{site.Path}' is the same memory as the parameter '{name}' (tied weights): quantizing it would change both. Give '{site.Path}' a copy of its own, or leave it in float by an override.");
            }
        }
    }

    private static string Name(string path, string own) => path.Length == 0 ? own : $"{path}.{own}";

    private static bool Overlap(TensorIdentity one, TensorIdentity other) => one.Offset < other.Offset + other.Count && other.Offset < one.Offset + one.Count;
}
