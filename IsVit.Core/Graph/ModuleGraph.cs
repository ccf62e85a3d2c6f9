using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>What one traced batch shows of a module graph: its modules, the sites of its matrix products, the units to reconstruct.</summary>
public sealed class ModuleGraph
{
    internal ModuleGraph(
        ModelForward forward,
        IReadOnlyDictionary<string, nn.Module> modules,
        IReadOnlyList<Site> sites,
        IReadOnlyList<Unit> units,
        IReadOnlyList<AttentionDeclaration> attentions)
    {
        Forward = forward;
        Modules = modules;
        Sites = sites;
        Units = units;
        Attentions = attentions;
    }

    /// <summary>The root.</summary>
    public nn.Module Model => Forward.Module;

    /// <summary>The root with how a batch of samples runs through it.</summary>
    public ModelForward Forward { get; }

    /// <summary>Every module by its path; the root's path is empty.</summary>
    public IReadOnlyDictionary<string, nn.Module> Modules { get; }

    /// <summary>The sites, in the order in which their modules ran.</summary>
    public IReadOnlyList<Site> Sites { get; }

    /// <summary>The units, in the order in which they ran.</summary>
    public IReadOnlyList<Unit> Units { get; }

    /// <summary>The declared attentions, one for each place, with the paths of their layers.</summary>
    public IReadOnlyList<AttentionDeclaration> Attentions { get; }

    /// <summary>Runs one batch through a model, without gradients and in evaluation mode, and sees what flows where. The model is left as it was.</summary>
    /// <param name="model">Any TorchSharp module graph from one tensor to one tensor. Hooks fire on <c>call</c>, so its modules must be called that way.</param>
    /// <param name="sample">A batch as the model takes it; one sample is enough.</param>
    /// <param name="options">What the tracer is told.</param>
    /// <exception cref="QuantizationException">See <see cref="Trace(ModelForward, SampleBatch, TraceOptions?)"/>.</exception>
    public static ModuleGraph Trace(nn.Module<Tensor, Tensor> model, Tensor sample, TraceOptions? options = null) =>
        Trace(ModelForward.Of(model), new SampleBatch(sample), options);

    /// <summary>Runs one batch through a model of any signature, likewise.</summary>
    /// <param name="model">Any TorchSharp module graph, with how a batch runs through it.</param>
    /// <param name="sample">A batch as the model takes it; one sample is enough.</param>
    /// <param name="options">Roles, units, attentions and matrix products that the tracer is told.</param>
    /// <exception cref="QuantizationException">
    /// A layer never fired, ran more than once, or stands in two places; a declared path does not exist, or a declared role or attention does not fit; the graph holds a
    /// module whose products no hook reaches, such as a ScriptModule; the model has quantizers attached.
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
        var finder = new SiteFinder(modules, calls, modelInputs, options);
        var declaration = root as IGraphDeclaration;
        var sites = new FoldProbe(model, modules, sample).Verify(finder.Find(declaration), finder.Declared);
        var attentions = new AttentionFinder(modules, finder.IsIgnored).Find(options.Attentions.Count > 0 ? options.Attentions : declaration?.DeclareAttentions() ?? []);
        return new ModuleGraph(model, modules, sites, UnitFinder.Find(modules, calls, sites, options, declaration, sample), attentions);
    }

    /// <summary>A graph whose sites are known already, as a saved model lists them; it has no units and no attentions.</summary>
    /// <param name="model">The root, with how a batch runs through it.</param>
    /// <param name="sites">The sites.</param>
    /// <exception cref="QuantizationException">The model has no such module, or one of another kind, or a site is listed twice.</exception>
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

        return new ModuleGraph(model, modules, sites, [], []);
    }

    /// <summary>The unit that holds a module, if one does.</summary>
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
