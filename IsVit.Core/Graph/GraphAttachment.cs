using System.Runtime.CompilerServices;
using IsVit.Core.Html;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Quantizers attached to the sites of a module graph through hooks. Disposing it removes all hooks and restores the graph.</summary>
/// <remarks>
/// Forward passes may run on several threads at once while every weight site is <see cref="SiteState.Off"/>, as in a finished model, and no site is calibrating. A
/// quantized weight replaces its layer's weight during a forward pass, so that only one may run at a time.
/// </remarks>
[TypeFormatterSource(typeof(GraphAttachmentFormatter))]
public sealed class GraphAttachment : IDisposable
{
    private static readonly ConditionalWeakTable<nn.Module, GraphAttachment> s_attached = [];

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly List<Thread> _left = [];
    private readonly List<ModuleHooks> _hooks = [];
    private readonly ThreadLocal<ReplacementTensors> _replacements = new(static () => new ReplacementTensors(), trackAllValues: true);
    private readonly Dictionary<string, SiteBinding> _byId = new(StringComparer.Ordinal);

    private GraphAttachment(ModuleGraph graph, List<SiteBinding> bindings)
    {
        Graph = graph;
        Bindings = bindings;
        foreach (var binding in bindings)
        {
            _byId[binding.Site.Id] = binding;
            binding.Attachment = this;
        }
    }

    /// <summary>The graph.</summary>
    public ModuleGraph Graph { get; }

    /// <summary>The sites that have a quantizer, in execution order.</summary>
    public IReadOnlyList<SiteBinding> Bindings { get; }

    /// <summary>Whether sites act according to their state; while false, everything passes in float.</summary>
    public bool IsEnabled { get; internal set; } = true;

    internal bool IsDisposed { get; private set; }

    internal ReplacementTensors ReplacementTensors => _replacements.Value!;

    /// <summary>Attaches quantizers to a graph's sites. Every site starts in <see cref="SiteState.Off"/>.</summary>
    /// <param name="graph">The traced graph.</param>
    /// <param name="choose">Returns a site's quantizer, or null to leave the site in float. The attachment disposes the quantizers.</param>
    /// <exception cref="QuantizationException">The model, or a part of it, already has an attachment; or a weight that gets a quantizer is tied to another parameter.</exception>
    public static GraphAttachment Attach(ModuleGraph graph, Func<Site, IQuantizer?> choose)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(choose);
        RequireNone(graph.Model);
        var bindings = new List<SiteBinding>();
        GraphAttachment? attachment = null;
        try
        {
            foreach (var site in graph.Sites)
            {
                if (choose(site) is { } quantizer)
                {
                    bindings.Add(new SiteBinding(site, quantizer, graph.Repeated.Contains(site.Path)));
                }
            }

            TiedWeights.RequireNone(graph, bindings.Select(static binding => binding.Site));

            attachment = new GraphAttachment(graph, bindings);
            attachment.Hook();
            return attachment;
        }
        catch
        {
            attachment?.Dispose();
            DisposeQuantizers(bindings);
            throw;
        }
    }

    /// <summary>Two attachments on one layer would swap its weight under each other's hands.</summary>
    /// <exception cref="QuantizationException">The model, or a part of it, has an attachment.</exception>
    internal static void RequireNone(nn.Module model)
    {
        foreach (var (path, module) in model.named_modules().Prepend(("", model)))
        {
            if (s_attached.TryGetValue(module, out _))
            {
                throw new QuantizationException($"{(path.Length == 0 ? "The model" : $"'{path}'")} has quantizers attached already; dispose that attachment first.");
            }
        }
    }

    /// <summary>Returns the binding of a site, or null if the site stays in float.</summary>
    /// <param name="siteId">The <see cref="Site.Id"/>.</param>
    public SiteBinding? Find(string siteId) => _byId.GetValueOrDefault(siteId);

    /// <summary>Lets everything pass in float until the returned scope is disposed.</summary>
    public IDisposable Suspend() => new Suspension(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (IsDisposed)
        {
            return;
        }

        IsDisposed = true;
        JoinLeft(_left.Count);
        _hooks.ForEach(static hooks => hooks.Dispose());
        foreach (var module in Graph.Modules.Values)
        {
            if (s_attached.TryGetValue(module, out var attachment) && ReferenceEquals(attachment, this))
            {
                s_attached.Remove(module);
            }
        }

        foreach (var replacements in _replacements.Values)
        {
            replacements.Release();
        }

        _replacements.Dispose();
        DisposeQuantizers(Bindings);
    }

    /// <summary>The forwards that were still waiting for something when they were abandoned.</summary>
    internal int LeftCount => _left.Count;

    /// <summary>Remembers a forward that still waits for something, such as a lock that another stream's holds.</summary>
    internal void Leave(Thread thread) => _left.Add(thread);

    /// <summary>Lets the first of those forwards end, once what they wait for may have been let go of: what they read must live until then.</summary>
    internal void JoinLeft(int count)
    {
        _left.GetRange(0, count).ForEach(static thread => thread.Join(s_patience));
        _left.RemoveRange(0, count);
    }

    private static void DisposeQuantizers(IEnumerable<SiteBinding> bindings)
    {
        foreach (var quantizer in bindings.Select(static binding => binding.Quantizer).Distinct<IQuantizer>(ReferenceEqualityComparer.Instance))
        {
            quantizer.Dispose();
        }
    }

    // The root's hooks tell when a forward is over.
    private void Hook()
    {
        var units = Graph.Units.ToDictionary(static unit => unit.Path, StringComparer.Ordinal);
        var bound = Bindings.ToLookup(static binding => binding.Site.Path, StringComparer.Ordinal);
        foreach (var (path, module) in Graph.Modules)
        {
            s_attached.AddOrUpdate(module, this);
            var unit = units.GetValueOrDefault(path);
            if (unit is not null || bound.Contains(path) || (path.Length == 0 && TypedModule.TryOf(module) is not null))
            {
                _hooks.Add(ModuleHooks.Create(this, path, module, unit, [.. bound[path]]));
            }
        }
    }

    private sealed class Suspension : IDisposable
    {
        private readonly GraphAttachment _attachment;
        private readonly bool _before;
        private bool _disposed;

        public Suspension(GraphAttachment attachment)
        {
            _attachment = attachment;
            _before = attachment.IsEnabled;
            attachment.IsEnabled = false;
        }

        public void Dispose()
        {
            if (!_disposed)
            {
                _disposed = true;
                _attachment.IsEnabled = _before;
            }
        }
    }
}
