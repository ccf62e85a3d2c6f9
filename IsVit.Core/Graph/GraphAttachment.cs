using System.Runtime.CompilerServices;
using IsVit.Core.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Quantizers attached to the sites of a module graph through hooks. Disposing it leaves the graph without a hook, as it was.</summary>
/// <remarks>Not thread-safe; one forward at a time.</remarks>
public sealed class GraphAttachment : IDisposable
{
    private static readonly ConditionalWeakTable<nn.Module, GraphAttachment> s_attached = [];

    private readonly List<ModuleHooks> _hooks = [];
    private readonly Dictionary<string, SiteBinding> _byId = new(StringComparer.Ordinal);
    private bool _disposed;

    private GraphAttachment(ModuleGraph graph, List<SiteBinding> bindings)
    {
        Graph = graph;
        Bindings = bindings;
        foreach (var binding in bindings)
        {
            _byId[binding.Site.Id] = binding;
        }
    }

    /// <summary>The graph.</summary>
    public ModuleGraph Graph { get; }

    /// <summary>The sites that have a quantizer, in the order in which their modules run.</summary>
    public IReadOnlyList<SiteBinding> Bindings { get; }

    /// <summary>Whether sites do what their state says; while false, everything passes in float.</summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>Attaches quantizers to a graph's sites. Every site starts in <see cref="SiteState.Off"/>.</summary>
    /// <param name="graph">The traced graph.</param>
    /// <param name="choose">Gives a site its quantizer, or null to leave it in float. The attachment disposes the quantizers.</param>
    /// <exception cref="QuantizationException">The model has an attachment already.</exception>
    public static GraphAttachment Attach(ModuleGraph graph, Func<Site, IQuantizer?> choose)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(choose);
        RequireNone(graph.Model);
        var bindings = new List<SiteBinding>();
        foreach (var site in graph.Sites)
        {
            if (choose(site) is { } quantizer)
            {
                bindings.Add(new SiteBinding(site, quantizer));
            }
        }

        var attachment = new GraphAttachment(graph, bindings);
        try
        {
            attachment.Hook();
        }
        catch
        {
            attachment.Dispose();
            throw;
        }

        s_attached.Add(graph.Model, attachment);
        return attachment;
    }

    /// <summary>The binding of a site, or null when the site stays in float.</summary>
    /// <param name="siteId">The <see cref="Site.Id"/>.</param>
    public SiteBinding? Find(string siteId) => _byId.GetValueOrDefault(siteId);

    /// <summary>Lets everything pass in float until the returned scope is disposed.</summary>
    public IDisposable Suspend() => new Suspension(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        s_attached.Remove(Graph.Model);
        _hooks.ForEach(static hooks => hooks.Dispose());
        foreach (var quantizer in Bindings.Select(static binding => binding.Quantizer).Distinct())
        {
            quantizer.Dispose();
        }
    }

    internal static void RequireNone(nn.Module model)
    {
        if (s_attached.TryGetValue(model, out _))
        {
            throw new QuantizationException("The model has quantizers attached already; dispose that attachment first.");
        }
    }

    private void Hook()
    {
        var units = Graph.Units.ToDictionary(static unit => unit.Path, StringComparer.Ordinal);
        var bound = Bindings.ToLookup(static binding => binding.Site.Path, StringComparer.Ordinal);
        foreach (var (path, module) in Graph.Modules)
        {
            var unit = units.GetValueOrDefault(path);
            if (unit is not null || bound.Contains(path))
            {
                _hooks.Add(ModuleHooks.Create(this, module, unit, [.. bound[path]]));
            }
        }
    }

    private sealed class Suspension : IDisposable
    {
        private readonly GraphAttachment _attachment;
        private readonly bool _before;

        public Suspension(GraphAttachment attachment)
        {
            _attachment = attachment;
            _before = attachment.IsEnabled;
            attachment.IsEnabled = false;
        }

        public void Dispose() => _attachment.IsEnabled = _before;
    }
}
