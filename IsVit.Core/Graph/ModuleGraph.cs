using IsVit.Core.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>What one traced batch shows of a module graph: its modules, the sites of its matrix products, the units to reconstruct.</summary>
public sealed class ModuleGraph
{
    internal ModuleGraph(
        nn.Module<Tensor, Tensor> model,
        IReadOnlyDictionary<string, nn.Module> modules,
        IReadOnlyList<Site> sites,
        IReadOnlyList<Unit> units)
    {
        Model = model;
        Modules = modules;
        Sites = sites;
        Units = units;
    }

    /// <summary>The root.</summary>
    public nn.Module<Tensor, Tensor> Model { get; }

    /// <summary>Every module by its path; the root's path is empty.</summary>
    public IReadOnlyDictionary<string, nn.Module> Modules { get; }

    /// <summary>The sites, in the order in which their modules ran.</summary>
    public IReadOnlyList<Site> Sites { get; }

    /// <summary>The units, in the order in which they ran.</summary>
    public IReadOnlyList<Unit> Units { get; }

    /// <summary>Runs one batch through a model and sees what flows where. The model is left as it was.</summary>
    /// <param name="model">Any TorchSharp module graph from one tensor to one tensor. Hooks fire on <c>call</c>, so its modules must be called that way.</param>
    /// <param name="sample">A batch as the model takes it; one sample is enough.</param>
    /// <param name="options">Roles, units and matrix products that the tracer is told.</param>
    /// <exception cref="QuantizationException">
    /// A layer never fired, ran more than once, or stands in two places; a declared path does not exist; the graph holds a ScriptModule; quantizers are
    /// attached to the model.
    /// The message names the module and what can be done.
    /// </exception>
    public static ModuleGraph Trace(nn.Module<Tensor, Tensor> model, Tensor sample, TraceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(sample);
        GraphAttachment.RequireNone(model);
        options ??= new TraceOptions();

        var modules = ListModules(model);
        var order = new List<ModuleCall>();
        TensorIdentity modelInput;
        using (new EvaluationScope(model))
        using (no_grad())
        using (NewDisposeScope())
        using (var recorder = new CallRecorder())
        {
            foreach (var (path, module) in modules)
            {
                recorder.Attach(path, module);
            }

            modelInput = recorder.Keep(sample);
            model.call(sample);
            order.AddRange(recorder.Calls);
        }

        var sites = new SiteFinder(modules, order, modelInput, options, model as IGraphDeclaration).Find();
        var units = UnitFinder.Find(modules, order, sites, options, model as IGraphDeclaration, sample.shape[0]);
        return new ModuleGraph(model, modules, sites, units);
    }

    /// <summary>A graph whose sites are known already, as a saved model lists them; it has no units.</summary>
    /// <param name="model">The root.</param>
    /// <param name="sites">The sites.</param>
    /// <exception cref="QuantizationException">The model has no such module, or one of another kind.</exception>
    public static ModuleGraph FromSites(nn.Module<Tensor, Tensor> model, IReadOnlyList<Site> sites)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(sites);
        var modules = ListModules(model);
        foreach (var site in sites)
        {
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

        return new ModuleGraph(model, modules, sites, []);
    }

    /// <summary>The unit that holds a module, if one does.</summary>
    /// <param name="path">The module's path.</param>
    public Unit? UnitOf(string path) => Units.FirstOrDefault(unit => unit.Contains(path));

    private static Dictionary<string, nn.Module> ListModules(nn.Module<Tensor, Tensor> model)
    {
        var modules = new Dictionary<string, nn.Module>(StringComparer.Ordinal) { [""] = model };
        var paths = new Dictionary<nn.Module, string>(ReferenceEqualityComparer.Instance) { [model] = "" };
        foreach (var (path, module) in model.named_modules())
        {
            if (module is jit.ScriptModule)
            {
                throw new QuantizationException(
                    $"'{path}' is a torch.jit ScriptModule: what it computes lies behind no hook, so its products cannot be quantized. Build the model from TorchSharp modules.");
            }

            if (paths.TryGetValue(module, out var other) && IsSiteModule(module))
            {
                throw new QuantizationException(
                    $"One {module.GetName()} stands in two places, '{other}' and '{path}'. A shared layer has one set of weights but two inputs; give each place a module of its own.");
            }

            paths[module] = path;
            modules[path] = module;
        }

        return modules;
    }

    private static bool IsSiteModule(nn.Module module) => ModuleWeight.Has(module) || module is IMatrixProduct;
}
