using IsVit.Core.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Finds the sites of a traced graph and their roles, from whose output is whose input.</summary>
internal sealed class SiteFinder(
    Dictionary<string, nn.Module> modules,
    IReadOnlyList<ModuleCall> calls,
    TensorIdentity modelInput,
    TraceOptions options,
    IGraphDeclaration? declaration)
{
    private readonly PathPattern[] _ignored = [.. options.Ignore.Select(static pattern => new PathPattern(pattern))];
    private readonly HashSet<string> _siteModules = new(StringComparer.Ordinal);

    public List<Site> Find()
    {
        RequireEachToRunOnce();
        var sites = new List<Site>();
        for (var index = 0; index < calls.Count; index++)
        {
            var call = calls[index];
            if (!_siteModules.Contains(call.Path))
            {
                continue;
            }

            if (ModuleWeight.Has(call.Module))
            {
                sites.Add(Classify(call, index, SiteOperand.Input, call.Inputs[0]));
                sites.Add(new Site(call.Path, SiteOperand.Weight, SiteRole.Weight));
            }
            else
            {
                sites.Add(Classify(call, index, SiteOperand.Left, call.Inputs[0]));
                sites.Add(Classify(call, index, SiteOperand.Right, call.Inputs[1]));
            }
        }

        AddSoftmaxOutputs(sites);
        ApplyDeclarations(sites, declaration?.DeclareRoles() ?? []);
        ApplyDeclarations(sites, options.Roles);
        return sites;
    }

    private void RequireEachToRunOnce()
    {
        var counts = calls.GroupBy(static call => call.Path).ToDictionary(static group => group.Key, static group => group.Count(), StringComparer.Ordinal);
        var silent = new List<string>();
        foreach (var (path, module) in modules)
        {
            if (!(ModuleWeight.Has(module) || IsProduct(path, module)) || _ignored.Any(pattern => pattern.IsMatch(path)))
            {
                continue;
            }

            switch (counts.GetValueOrDefault(path))
            {
                case 0:
                    silent.Add(path);
                    break;
                case 1:
                    _siteModules.Add(path);
                    break;
                case var count:
                    throw new QuantizationException(
                        $"'{path}' ran {count} times in one forward. A site has one set of numbers to calibrate on; give each use a module of its own, or name it in {nameof(TraceOptions.Ignore)} to leave it in float.");
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

        string Reason(string path)
        {
            var parent = Parent(path);
            return counts.ContainsKey(parent)
                ? $"its parent {(parent.Length == 0 ? "model" : $"'{parent}'")} ran, so that one does not use it, or calls its forward instead of call, and hooks fire on call only"
                : $"nor did its parent '{parent}'";
        }
    }

    private static string Parent(string path) => path.LastIndexOf('.') is var dot and >= 0 ? path[..dot] : "";

    private bool IsProduct(string path, nn.Module module) =>
        module is nn.Module<Tensor, Tensor, Tensor> && (module is IMatrixProduct || options.MatrixProducts(path, module));

    private Site Classify(ModuleCall call, int index, SiteOperand operand, TensorIdentity input)
    {
        for (var i = index - 1; i >= 0; i--)
        {
            var producer = calls[i];
            if (producer.Output != input || producer.PassesThrough || !IsLeaf(producer.Path))
            {
                continue;
            }

            var role = producer.Module switch
            {
                LayerNorm norm when IsFoldable(norm, producer) => SiteRole.PostLayerNorm,
                Softmax => SiteRole.PostSoftmax,
                GELU => SiteRole.PostGelu,
                _ => SiteRole.Other,
            };
            return role == SiteRole.Other ? new Site(call.Path, operand, role) : new Site(call.Path, operand, role, producer.Path);
        }

        return new Site(call.Path, operand, input == modelInput ? SiteRole.ModelInput : SiteRole.Other);
    }

    // Stage 2 moves the scale of a LayerNorm's output into the weights that read it, so every reader must be such a weight.
    private bool IsFoldable(LayerNorm norm, ModuleCall call) =>
        norm.weight is not null
        && calls.Count(other => other.Path == call.Path) == 1
        && calls.All(other => IsLeaf(other.Path)
            ? !other.Inputs.Contains(call.Output) || other.PassesThrough || (_siteModules.Contains(other.Path) && other.Module is Linear)
            : other.Output != call.Output);

    private bool IsLeaf(string path) => !modules[path].children().Any();

    private void AddSoftmaxOutputs(List<Site> sites)
    {
        var read = sites.Where(static site => site.Role == SiteRole.PostSoftmax).Select(static site => site.Producer).ToHashSet();
        foreach (var call in calls)
        {
            if (call.Module is Softmax && !read.Contains(call.Path) && calls.Count(other => other.Path == call.Path) == 1
                && !_ignored.Any(pattern => pattern.IsMatch(call.Path)))
            {
                sites.Add(new Site(call.Path, SiteOperand.Output, SiteRole.PostSoftmax, call.Path));
            }
        }
    }

    private void ApplyDeclarations(List<Site> sites, IEnumerable<RoleDeclaration> declarations)
    {
        foreach (var declared in declarations)
        {
            var pattern = new PathPattern(declared.Pattern);
            var found = false;
            for (var i = 0; i < sites.Count; i++)
            {
                if (sites[i].Operand != declared.Operand || !pattern.IsMatch(sites[i].Path))
                {
                    continue;
                }

                found = true;
                var producer = declared.Producer is null ? null : pattern.Substitute(sites[i].Path, declared.Producer);
                if (declared.Role == SiteRole.PostLayerNorm && (producer is null || modules.GetValueOrDefault(producer) is not LayerNorm { weight: not null }))
                {
                    throw new QuantizationException(
                        $"The role declared for '{sites[i].Id}' needs the LayerNorm whose output it reads, but '{producer}' is none with a weight.");
                }

                sites[i] = sites[i] with { Role = declared.Role, Producer = producer };
            }

            if (!found)
            {
                throw new QuantizationException($"A role is declared for '{declared.Pattern}:{declared.Operand.ToString().ToLowerInvariant()}', but no site fits.");
            }
        }
    }
}
