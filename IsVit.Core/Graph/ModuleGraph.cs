using IsVit.Core.Html;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A module graph as determined by tracing one batch: its modules, the sites of its matrix products, and the units to reconstruct.</summary>
[TypeFormatterSource(typeof(ModuleGraphFormatter))]
public sealed class ModuleGraph
{
    internal ModuleGraph(
        ModelForward forward,
        IReadOnlyDictionary<string, nn.Module> modules,
        IReadOnlyList<Site> sites,
        IReadOnlyList<Unit> units,
        IReadOnlyList<AttentionDeclaration> attentions,
        IReadOnlySet<string> repeated)
    {
        Forward = forward;
        Modules = modules;
        Sites = sites;
        Units = units;
        Attentions = attentions;
        Repeated = repeated;
    }

    /// <summary>The root module.</summary>
    public nn.Module Model => Forward.Module;

    /// <summary>The root module, together with how a batch of samples is passed through it.</summary>
    public ModelForward Forward { get; }

    /// <summary>Every module by its path; the root module's path is empty.</summary>
    public IReadOnlyDictionary<string, nn.Module> Modules { get; }

    /// <summary>The sites, in execution order.</summary>
    public IReadOnlyList<Site> Sites { get; }

    /// <summary>The units, in execution order.</summary>
    public IReadOnlyList<Unit> Units { get; }

    /// <summary>The declared attentions, one for each occurrence, with the paths of their layers.</summary>
    public IReadOnlyList<AttentionDeclaration> Attentions { get; }

    /// <summary>The paths of modules that run several times in one forward, such as a head that is shared by the levels of a pyramid.</summary>
    internal IReadOnlySet<string> Repeated { get; }

    /// <summary>Runs one batch through a model, without gradients and in evaluation mode, and records the data flow. The model is restored.</summary>
    /// <param name="model">Any TorchSharp module graph from one tensor to one tensor. Hooks fire on <c>call</c>, so its modules must be called that way.</param>
    /// <param name="sample">A batch as the model takes it; one sample is enough.</param>
    /// <param name="options">Options for tracing.</param>
    /// <exception cref="QuantizationException">See <see cref="Trace(ModelForward, SampleBatch, TraceOptions?)"/>.</exception>
    public static ModuleGraph Trace(nn.Module<Tensor, Tensor> model, Tensor sample, TraceOptions? options = null) =>
        Trace(ModelForward.Of(model), new SampleBatch(sample), options);

    /// <summary>Runs one batch through a model of any signature, without gradients and in evaluation mode, and records the data flow. The model is restored.</summary>
    /// <param name="model">Any TorchSharp module graph, together with how a batch is passed through it.</param>
    /// <param name="sample">A batch as the model takes it; one sample is enough.</param>
    /// <param name="options">Roles, units, attentions and matrix products that the caller declares.</param>
    /// <exception cref="QuantizationException">
    /// A layer never ran, or occurs in two places; a declared path does not exist, or a declared role or attention does not fit; the graph contains a
    /// module whose products hooks cannot reach, such as a ScriptModule; the model has quantizers attached.
    /// The message names the module and what can be done.
    /// </exception>
    public static ModuleGraph Trace(ModelForward model, SampleBatch sample, TraceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(sample);
        options ??= new TraceOptions();

        var root = model.Module;
        GraphAttachment.RequireNone(root);
        var modules = ListModules(root);
        using var evaluation = new EvaluationScope(root);
        using var noGrad = no_grad();
        var (calls, modelInputs) = Record(model, sample, modules);
        var declaration = root as IGraphDeclaration;
        var finder = new SiteFinder(modules, calls, modelInputs, options, declaration);
        var sites = new FoldProbe(model, modules, sample).Verify(finder.Find(), finder.Declared);
        var attentions = new AttentionFinder(modules, finder.IsIgnored).Find(options.Attentions.Count > 0 ? options.Attentions : declaration?.DeclareAttentions() ?? []);
        return new ModuleGraph(model, modules, sites, UnitFinder.Find(modules, calls, sites, options, declaration, sample), attentions, finder.Repeated);
    }

    /// <summary>Creates a graph whose sites are already known, such as from a saved model; it has no units and no attentions.</summary>
    /// <param name="model">The root module, together with how a batch is passed through it.</param>
    /// <param name="sites">The sites.</param>
    /// <exception cref="QuantizationException">The model has no module at a site's path, or one of another kind, or a site is listed twice.</exception>
    public static ModuleGraph FromSites(ModelForward model, IReadOnlyList<Site> sites)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(sites);
        var modules = ListModules(model.Module);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var site in sites)
        {
            if (!ids.Add(site.Id))
            {
                throw new QuantizationException($"Site '{site.Id}' is listed twice.");
            }

            var fits = modules.TryGetValue(site.Path, out var module) && site.Operand switch
            {
                SiteOperand.Input or SiteOperand.Weight => ModuleWeight.Has(module),
                SiteOperand.Left or SiteOperand.Right => module is nn.Module<Tensor, Tensor, Tensor>,
                _ => module is nn.Module<Tensor, Tensor>,
            };
            if (!fits)
            {
                throw new QuantizationException($"The model has no module for site '{site.Id}', or one of another kind ({module?.GetName() ?? "none"}).");
            }
        }

        return new ModuleGraph(model, modules, sites, [], [], new HashSet<string>());
    }

    /// <summary>Returns the unit that contains a module, or null if none does.</summary>
    /// <param name="path">The module's path.</param>
    public Unit? UnitOf(string path) => Units.FirstOrDefault(unit => unit.Contains(path));

    private static (IReadOnlyList<ModuleCall> Calls, IReadOnlyCollection<TensorIdentity> ModelInputs) Record(ModelForward model, SampleBatch sample, Dictionary<string, nn.Module> modules)
    {
        using var scope = NewDisposeScope();
        using var recorder = new CallRecorder();
        foreach (var (path, module) in modules)
        {
            recorder.Attach(path, module);
        }

        HashSet<TensorIdentity> modelInputs = [.. sample.Inputs.Select(recorder.Keep)];
        model.Run(sample);
        return (recorder.Calls, modelInputs);
    }

    private static Dictionary<string, nn.Module> ListModules(nn.Module model)
    {
        var modules = new Dictionary<string, nn.Module>(StringComparer.Ordinal) { [""] = model };
        foreach (var (path, module) in model.named_modules())
        {
            modules[path] = module;
        }

        return modules;
    }
}
