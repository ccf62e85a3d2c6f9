using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>Which tensor of a source goes into which of a module, found before anything is copied.</summary>
internal sealed record StateDictPlan(IReadOnlyList<(string Source, torch.Tensor Destination)> Copies, StateDictReport Report)
{
    private int _prefixLength;

    /// <summary>Matches names, shapes and types.</summary>
    /// <param name="sourceName">Where the tensors come from, for messages.</param>
    /// <param name="module">Whose tensors they go into; it translates the source's names if it can.</param>
    /// <param name="source">The source's names, types (null where torch has none) and shapes.</param>
    /// <param name="options">How names are matched.</param>
    public static StateDictPlan Make(
        string sourceName,
        torch.nn.Module module,
        IEnumerable<(string Name, torch.ScalarType? Type, string TypeName, IReadOnlyList<long> Shape)> source,
        StateDictLoadOptions options)
    {
        bool Loads(string name) => options.Skip is null || !options.Skip(name);

        var destination = module.state_dict();
        var named = source.Where(s => s.Name.StartsWith(options.Prefix, StringComparison.Ordinal)).Select(s => (FullName: s.Name, Name: s.Name[options.Prefix.Length..], s.Type, s.TypeName, s.Shape)).ToList();
        var names = named.Select(static s => s.Name).ToHashSet(StringComparer.Ordinal);
        var copies = new List<(string Source, torch.Tensor Destination)>();
        var loaded = new HashSet<string>(StringComparer.Ordinal);
        var unexpected = new List<string>();
        var mismatched = new List<StateDictMismatch>();
        foreach (var (fullName, given, type, typeName, shape) in named)
        {
            var name = module is IStateDictNames own ? own.Translate(given, names) : given;
            if (name is null || !Loads(name))
            {
                continue;
            }

            if (!destination.TryGetValue(name, out var target))
            {
                unexpected.Add(name);
                continue;
            }

            loaded.Add(name);
            copies.Add((fullName, target));
            var convertible = type == target.dtype || (options.ConvertTypes && (type is not { } found || IsFloat(found) == IsFloat(target.dtype)));
            if (!convertible || !shape.SequenceEqual(target.shape))
            {
                mismatched.Add(new StateDictMismatch(name, Describe(TypeName(target.dtype), target.shape), Describe(typeName, shape)));
            }
        }

        var missing = destination.Keys.Where(n => !loaded.Contains(n) && Loads(n)).ToList();
        unexpected.Sort(StringComparer.Ordinal);
        return mismatched.Count == 0 && (!options.Strict || missing.Count + unexpected.Count == 0)
            ? new StateDictPlan(copies, new StateDictReport([.. loaded], missing, unexpected)) { _prefixLength = options.Prefix.Length }
            : throw new StateDictException(sourceName, missing, unexpected, mismatched);
    }

    /// <summary>Lets the module bring what was copied into its own order.</summary>
    public void Reorder(torch.nn.Module module)
    {
        if (module is IStateDictNames own)
        {
            using var noGrad = torch.no_grad();
            foreach (var (source, destination) in Copies)
            {
                own.Reorder(source[_prefixLength..], destination);
            }
        }
    }

    public static string TypeName(torch.ScalarType type) => TorchElementTypes.Find(type) ?? type.ToString();

    private static string Describe(string typeName, IEnumerable<long> shape) => $"{typeName} [{string.Join(", ", shape)}]";

    private static bool IsFloat(torch.ScalarType type) =>
        type is torch.ScalarType.Float64 or torch.ScalarType.Float32 or torch.ScalarType.Float16 or torch.ScalarType.BFloat16;
}
