using IsVit.Model;
using IsVit.Model.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Finds the sites of a traced graph and their roles, from whose output is whose input.</summary>
internal sealed class SiteFinder
{
    private readonly Dictionary<string, nn.Module> _modules;
    private readonly IReadOnlyList<ModuleCall> _calls;
    private readonly IReadOnlyCollection<TensorIdentity> _modelInputs;
    private readonly TraceOptions _options;
    private readonly IGraphDeclaration? _declaration;
    private readonly PathPattern[] _ignored;
    private readonly Dictionary<string, int> _runs;
    private readonly HashSet<string> _siteModules = new(StringComparer.Ordinal);
    private readonly HashSet<string> _declared = new(StringComparer.Ordinal);

    public SiteFinder(Dictionary<string, nn.Module> modules, IReadOnlyList<ModuleCall> calls, IReadOnlyCollection<TensorIdentity> modelInputs, TraceOptions options, IGraphDeclaration? declaration)
    {
        _modules = modules;
        _calls = calls;
        _modelInputs = modelInputs;
        _options = options;
        _declaration = declaration;
        _ignored = [.. options.Ignore.Concat(declaration?.DeclareIgnored() ?? []).Select(static pattern => new PathPattern(pattern))];
        _runs = calls.GroupBy(static call => call.Path).ToDictionary(static group => group.Key, static group => group.Count(), StringComparer.Ordinal);
    }

    /// <summary>Ids of the sites whose role was declared.</summary>
    public IReadOnlySet<string> Declared => _declared;

    /// <summary>Modules that run several times in one forward.</summary>
    public IReadOnlySet<string> Repeated => _runs.Where(static run => run.Value > 1).Select(static run => run.Key).ToHashSet(StringComparer.Ordinal);

    /// <summary>Whether a module, or one that holds it, is to have no sites.</summary>
    public bool IsIgnored(string path) => _ignored.Length > 0 && ModulePath.Around(path).Any(around => _ignored.Any(pattern => pattern.IsMatch(around)));

    public List<Site> Find()
    {
        RequireIgnoredToExist();
        RequireReachable();
        RequireEachToRun();
        var foldable = new FoldableNorms(_modules, _calls, _siteModules);
        var read = _calls.Where(call => _siteModules.Contains(call.Path)).SelectMany(static call => call.Sources).Where(static source => source >= 0)
            .Select(source => _calls[source].Output).ToHashSet();
        var modelOutputs = (_calls.LastOrDefault(static call => call.Path.Length == 0)?.Outputs ?? []).Select(static output => output.Identity).ToHashSet();
        var sites = new List<Site>();
        foreach (var call in _calls.DistinctBy(static call => call.Path, StringComparer.Ordinal))
        {
            if (_siteModules.Contains(call.Path))
            {
                var isLayer = ModuleWeight.Has(call.Module);
                sites.Add(Classify(call, 0, isLayer ? SiteOperand.Input : SiteOperand.Left, foldable));
                sites.Add(isLayer ? new Site(call.Path, SiteOperand.Weight, SiteRole.Weight) : Classify(call, 1, SiteOperand.Right, foldable));
            }
            else if (call.Module is Softmax && !read.Contains(call.Output) && !modelOutputs.Contains(call.Output) && !IsIgnored(call.Path))
            {
                sites.Add(new Site(call.Path, SiteOperand.Output, SiteRole.PostSoftmax, call.Path));
            }
        }

        ApplyDeclarations(sites, _declaration?.DeclareRoles() ?? []);
        ApplyDeclarations(sites, _options.Roles);

        // A softmax that a declared operand reads is quantized there.
        var quantized = sites.Where(static site => site is { Role: SiteRole.PostSoftmax, Operand: not SiteOperand.Output }).Select(static site => site.Producer).ToHashSet(StringComparer.Ordinal);
        sites.RemoveAll(site => site.Operand == SiteOperand.Output && quantized.Contains(site.Path));
        return sites;
    }

    private static bool IsMatrixProduct(string path, nn.Module module, TraceOptions options) =>
        module is nn.Module<Tensor, Tensor, Tensor> && (module is IMatrixProduct || options.MatrixProducts(path, module));

    private bool IsSiteModule(string path) => ModuleWeight.Has(_modules[path]) || IsMatrixProduct(path, _modules[path], _options);

    private void RequireIgnoredToExist()
    {
        foreach (var pattern in _ignored)
        {
            if (!_modules.Keys.Any(pattern.IsMatch))
            {
                throw new QuantizationException($"No module fits '{pattern}' in {nameof(TraceOptions.Ignore)}.");
            }
        }
    }

    private void RequireReachable()
    {
        var first = new Dictionary<nn.Module, string>(ReferenceEqualityComparer.Instance);
        foreach (var (path, module) in _modules.Where(entry => !IsIgnored(entry.Key)))
        {
            var where = path.Length == 0 ? "The model" : $"'{path}'";
            if (module is jit.ScriptModule)
            {
                throw new QuantizationException(
                    $"{where} is a torch.jit ScriptModule: what it computes lies behind no hook, so its products cannot be quantized. Build it from TorchSharp modules, or name it in {nameof(TraceOptions.Ignore)} to leave it in float.");
            }

            if (ModuleWeight.IsOpaque(module))
            {
                throw new QuantizationException(
                    $"{where} is a {module.GetType().Name}, whose matrix products no hook can reach. {Replacement(module)}, or name it in {nameof(TraceOptions.Ignore)} to leave it in float.");
            }

            if (!first.TryAdd(module, path) && IsSiteModule(path))
            {
                throw new QuantizationException(
                    $"One {module.GetName()} stands in two places, '{first[module]}' and '{path}'. A shared layer has one set of weights but two inputs; give each place a module of its own, or name both in {nameof(TraceOptions.Ignore)} to leave them in float.");
            }
        }
    }

    private static string Replacement(nn.Module module) => module switch
    {
        MultiheadAttention => "Make a copy of modules with Attention.From of IsVit.Core.Models if it attends to its own input, or build it from linear layers and matrix-product modules",
        TransformerEncoder or TransformerEncoderLayer => "Make a copy of modules with EncoderLayer.From of IsVit.Core.Models",
        _ => "Build it from linear layers, convolutions and matrix-product modules",
    };

    private void RequireEachToRun()
    {
        var silent = new List<string>();
        foreach (var path in _modules.Keys.Where(path => IsSiteModule(path) && !IsIgnored(path)))
        {
            if (_runs.ContainsKey(path))
            {
                _siteModules.Add(path);
            }
            else
            {
                silent.Add(path);
            }
        }

        if (silent.Count > 0)
        {
            throw new QuantizationException(
                $"{silent.Count} layer(s) never fired while tracing: {string.Join("; ", silent.Select(path => $"'{path}' ({Reason(path)})"))}. Name those in {nameof(TraceOptions.Ignore)} that are meant to be unused.");
        }

        if (_siteModules.Count == 0)
        {
            throw new QuantizationException("The graph has no linear layer, convolution or matrix-product module that a hook can reach.");
        }
    }

    // Lists and modules of other signatures have no hooks that would tell whether they ran.
    private string Reason(string path)
    {
        var parent = ModulePath.Around(path).Skip(1).Append("").First(around => around.Length == 0 || (_modules.GetValueOrDefault(around) is { } module && TypedModule.TryOf(module) is not null));
        var name = parent.Length == 0 ? "the model" : $"'{parent}'";
        return _runs.ContainsKey(parent)
            ? $"{name}, which holds it, ran, and does not use it, or calls its forward instead of call: hooks fire on call only"
            : $"nor did {name}, which holds it: it is unused, or its forward is called instead of call";
    }

    // What reads different things in different calls reads nothing in particular.
    private Site Classify(ModuleCall first, int input, SiteOperand operand, FoldableNorms foldable)
    {
        Site[] seen = _runs[first.Path] == 1
            ? [ClassifyCall(first, input, operand, foldable)]
            : [.. _calls.Where(call => call.Path == first.Path).Select(call => ClassifyCall(call, input, operand, foldable)).Distinct()];
        return seen.Length == 1 ? seen[0] : new Site(first.Path, operand, seen.Select(static site => site.Role).Distinct().Count() == 1 ? seen[0].Role : SiteRole.Other);
    }

    private Site ClassifyCall(ModuleCall call, int input, SiteOperand operand, FoldableNorms foldable)
    {
        var source = call.Sources[input];
        var role = source < 0 ? SiteRole.Other : _calls[source].Module switch
        {
            LayerNorm when foldable.Contains(source) => SiteRole.PostLayerNorm,
            Softmax => SiteRole.PostSoftmax,
            GELU => SiteRole.PostGelu,
            _ => SiteRole.Other,
        };
        return role != SiteRole.Other
            ? new Site(call.Path, operand, role, _calls[source].Path)
            : new Site(call.Path, operand, _modelInputs.Contains(call.Inputs[input].Identity) ? SiteRole.ModelInput : SiteRole.Other);
    }

    private void ApplyDeclarations(List<Site> sites, IEnumerable<RoleDeclaration> declarations)
    {
        foreach (var declared in declarations)
        {
            var pattern = new PathPattern(declared.Pattern);
            var found = false;
            for (var i = 0; i < sites.Count; i++)
            {
                if (sites[i].Operand == declared.Operand && pattern.IsMatch(sites[i].Path))
                {
                    found = true;
                    sites[i] = sites[i] with { Role = declared.Role, Producer = declared.Producer is null ? null : pattern.Substitute(sites[i].Path, declared.Producer) };
                    RequireToFit(sites[i]);
                    _declared.Add(sites[i].Id);
                }
            }

            if (!found)
            {
                throw new QuantizationException(
                    $"A role is declared for '{declared.Pattern}:{declared.Operand.ToString().ToLowerInvariant()}', but no site fits. The graph's sites are {string.Join(", ", sites.Take(40).Select(static site => site.Id))}.");
            }
        }
    }

    private void RequireToFit(Site site)
    {
        if (site.Producer is not null && !_modules.ContainsKey(site.Producer))
        {
            throw new QuantizationException($"The role declared for '{site.Id}' names '{site.Producer}' as the module whose output it reads, but the graph has no such module.");
        }

        if ((site.Role == SiteRole.Weight) != (site.Operand == SiteOperand.Weight))
        {
            throw new QuantizationException($"The role {site.Role} is declared for '{site.Id}'; the role {nameof(SiteRole.Weight)} is for weights, and weights have no other.");
        }

        if (site.Role != SiteRole.PostLayerNorm)
        {
            return;
        }

        if (site.Producer is null || _modules[site.Producer] is not LayerNorm { weight: not null, normalized_shape.Length: 1 } norm)
        {
            throw new QuantizationException(
                $"The role {nameof(SiteRole.PostLayerNorm)} declared for '{site.Id}' needs the path of the LayerNorm whose output it reads, one with a weight over the last axis; found {(site.Producer is null ? "none" : $"'{site.Producer}'")}.");
        }

        if (site.Operand != SiteOperand.Input || !FoldableNorms.Fits(_modules[site.Path], norm))
        {
            throw new QuantizationException(
                FormattableString.Invariant($"The role {nameof(SiteRole.PostLayerNorm)} is declared for '{site.Id}', but only the input of a linear layer with as many inputs as '{site.Producer}' has channels ({norm.weight.numel()}) can take up a LayerNorm's scale."));
        }
    }
}
