using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>The tensors of a source beside those of a module, with one prefix.</summary>
internal sealed class StateDictMatch
{
    private readonly List<StateDictCopy> _copies = [];
    private readonly List<StateDictMismatch> _mismatched = [];

    private StateDictMatch(StateDictReport report) => Report = report;

    /// <summary>What goes where.</summary>
    public IReadOnlyList<StateDictCopy> Copies => _copies;

    /// <summary>What is in both and does not fit.</summary>
    public IReadOnlyList<StateDictMismatch> Mismatched => _mismatched;

    /// <summary>The names.</summary>
    public StateDictReport Report { get; private init; }

    /// <summary>Whether it can be loaded.</summary>
    /// <param name="strict">Whether every name must be in both.</param>
    public bool Fits(bool strict) => _mismatched.Count == 0 && (!strict || Report.Missing.Count + Report.Unexpected.Count == 0);

    /// <summary>Matches.</summary>
    /// <param name="module">The module.</param>
    /// <param name="source">The source.</param>
    /// <param name="options">How; with the prefix.</param>
    public static StateDictMatch Of(torch.nn.Module module, IEnumerable<StateDictSource> source, StateDictLoadOptions options)
    {
        bool Loads(string name) => options.Skip is null || !options.Skip(name);

        var own = module as IStateDictNames;
        var destination = module.state_dict();
        var named = source.Where(s => s.Name.StartsWith(options.Prefix, StringComparison.Ordinal)).Select(s => (Tensor: s, Name: s.Name[options.Prefix.Length..])).ToList();
        var names = named.Select(static s => s.Name).ToHashSet(StringComparer.Ordinal);
        var filled = new HashSet<TensorPlace>();
        List<string> unexpected = [], resized = [];
        List<StateDictCopy> copies = [];
        List<StateDictMismatch> mismatched = [];
        foreach (var (tensor, given) in named)
        {
            var place = own is null ? new TensorPlace(given) : own.Place(given, names);
            if (place is null || !Loads(place.Name))
            {
                continue;
            }

            if (!destination.TryGetValue(place.Name, out var target) || !filled.Add(place))
            {
                unexpected.Add(place.Name);
                continue;
            }

            var convertible = tensor.Type == target.dtype || (options.ConvertTypes && (tensor.Type is not { } found || IsFloat(found) == IsFloat(target.dtype)));
            var expected = ShapeOf(place, target);
            var isResized = options.Resize && !tensor.Shape.SequenceEqual(expected) && place.PartCount == 1 && own?.CanResize(place.Name, tensor.Shape) == true;
            if (isResized)
            {
                resized.Add(place.Name);
            }

            copies.Add(new StateDictCopy(tensor.Name, place, target, isResized));
            if (!convertible || (!isResized && !tensor.Shape.SequenceEqual(expected)))
            {
                mismatched.Add(new StateDictMismatch(given == place.Name || place.PartCount == 1 ? place.Name : given, Describe(TypeName(target.dtype), expected), Describe(tensor.TypeName, tensor.Shape)));
            }
        }

        var parts = copies.ToLookup(static copy => copy.Place.Name, StringComparer.Ordinal);
        bool IsWhole(string name) => parts[name].FirstOrDefault() is { } first && parts[name].Count() >= first.Place.PartCount;
        unexpected.Sort(StringComparer.Ordinal);
        var report = new StateDictReport([.. destination.Keys.Where(IsWhole)], [.. destination.Keys.Where(name => Loads(name) && !IsWhole(name))], unexpected) { Prefix = options.Prefix, Resized = resized };
        var match = new StateDictMatch(report);
        match._copies.AddRange(copies);
        match._mismatched.AddRange(mismatched);
        return match;
    }

    /// <summary>A type as files name it.</summary>
    /// <param name="type">The type.</param>
    public static string TypeName(torch.ScalarType type) => TorchElementTypes.Find(type) ?? type.ToString();

    private static long[] ShapeOf(TensorPlace place, torch.Tensor target)
    {
        var shape = target.shape;
        if (place.PartCount > 1)
        {
            shape[0] /= place.PartCount;
        }

        return shape;
    }

    private static string Describe(string typeName, IEnumerable<long> shape) => $"{typeName} [{string.Join(", ", shape)}]";

    private static bool IsFloat(torch.ScalarType type) =>
        type is torch.ScalarType.Float64 or torch.ScalarType.Float32 or torch.ScalarType.Float16 or torch.ScalarType.BFloat16;
}
