using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Finds the LayerNorms whose scale can move into the weights that read their output, as far as calls show it.</summary>
internal sealed class FoldableNorms
{
    private readonly HashSet<int> _calls = [];

    public FoldableNorms(Dictionary<string, nn.Module> modules, IReadOnlyList<ModuleCall> calls, HashSet<string> siteModules)
    {
        var owners = modules.Values.Distinct<nn.Module>(ReferenceEqualityComparer.Instance)
            .SelectMany(static module => module.named_parameters(recurse: false))
            .GroupBy(static entry => entry.parameter.Handle)
            .ToDictionary(static group => group.Key, static group => group.Count());
        var runs = calls.GroupBy(static call => call.Path).ToDictionary(static group => group.Key, static group => group.Count(), StringComparer.Ordinal);
        for (var i = 0; i < calls.Count; i++)
        {
            if (calls[i].Module is LayerNorm { weight: not null, normalized_shape.Length: 1 } norm && runs[calls[i].Path] == 1 && IsOwn(norm) && ReadersFit(i, norm))
            {
                _calls.Add(i);
            }
        }

        bool ReadersFit(int index, LayerNorm norm)
        {
            var readers = calls.Where(call => call.IsLeaf && call.Sources.Contains(index) && !call.HandsOn).ToList();
            return readers.Count > 0 && readers.All(reader => siteModules.Contains(reader.Path) && runs[reader.Path] == 1 && Fits(reader.Module, norm) && IsOwn(reader.Module));
        }

        // A weight that two layers share cannot take up the scale for one of them.
        bool IsOwn(nn.Module module) => module.parameters(recurse: false).All(parameter => owners[parameter.Handle] == 1);
    }

    public bool Contains(int call) => _calls.Contains(call);

    /// <summary>Whether a layer's input channels can be a LayerNorm's output channels.</summary>
    public static bool Fits(nn.Module reader, LayerNorm norm) => reader is Linear linear && linear.in_features == norm.weight.numel();
}
