using IsVit.Core.Models.WeightFiles;

namespace IsVit.Core.Models.Pretrained;

/// <summary>Whose names a file's tensors have, and what they are under this library's names.</summary>
/// <param name="Layout">The names, in a few words.</param>
/// <param name="IsSwin">Whether they are of a Swin transformer.</param>
/// <param name="Prefix">What all names begin with and is left out.</param>
/// <param name="Shapes">The shapes by this library's names; empty where the names are of no model that is known here.</param>
internal sealed record RecognizedWeights(string Layout, bool IsSwin, string Prefix, IReadOnlyDictionary<string, IReadOnlyList<long>> Shapes)
{
    private const string Patches = "patch_embed.proj.weight";

    /// <summary>Looks at a file's names.</summary>
    /// <param name="file">The file.</param>
    /// <param name="prefix">The prefix that was asked for; empty to find it.</param>
    public static RecognizedWeights Of(WeightFile file, string prefix)
    {
        IEnumerable<string> prefixes = prefix.Length > 0 ? [prefix] : CustomaryPrefixes.Of([.. file.Tensors.Keys]).Prepend(string.Empty);
        return prefixes.Select(candidate => With(file, candidate)).FirstOrDefault(static found => found is not null) ?? new RecognizedWeights("of no model that is known here", IsSwin: false, prefix, new Dictionary<string, IReadOnlyList<long>>());
    }

    /// <summary>The number of classes: the rows of the head, 0 without one.</summary>
    public int ClassCount => (int)(Find(IsSwin ? "head.fc.weight" : "head.weight") is [var rows, ..] ? rows : 0);

    /// <summary>A shape; null if there is no such tensor.</summary>
    /// <param name="name">This library's name.</param>
    public IReadOnlyList<long>? Find(string name) => Shapes.GetValueOrDefault(name);

    private static RecognizedWeights? With(WeightFile file, string prefix)
    {
        var names = file.Tensors.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..]).ToHashSet(StringComparer.Ordinal);
        var isSwin = names.Any(static name => name.EndsWith(".relative_position_bias_table", StringComparison.Ordinal));
        var shapes = new Dictionary<string, IReadOnlyList<long>>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if ((isSwin ? SwinTransformer.PlaceOf(name, names) : VisionTransformer.PlaceOf(name, names)) is { } place)
            {
                var shape = file.Tensors[prefix + name].Shape;
                shapes[place.Name] = place.PartCount > 1 && shape.Count > 0 ? [shape[0] * place.PartCount, .. shape.Skip(1)] : shape;
            }
        }

        if (shapes.GetValueOrDefault(Patches) is not [_, _, _, _])
        {
            return null;
        }

        var kind = isSwin ? "Swin" : shapes.ContainsKey("dist_token") ? "distilled DeiT" : shapes.ContainsKey("blocks.0.ls1.gamma") ? "vision transformer with layer scale" : "vision transformer";
        return new RecognizedWeights($"{kind}, {(HuggingFaceNames.AreUsed(names) ? "Hugging Face's names" : "timm's names")}", isSwin, prefix, shapes);
    }
}
