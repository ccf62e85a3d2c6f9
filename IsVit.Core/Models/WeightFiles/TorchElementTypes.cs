using static TorchSharp.torch;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>The element types of files that TorchSharp has tensors of.</summary>
internal static class TorchElementTypes
{
    private static readonly (string Name, ScalarType Type)[] All =
    [
        ("F64", ScalarType.Float64),
        ("F32", ScalarType.Float32),
        ("F16", ScalarType.Float16),
        ("BF16", ScalarType.BFloat16),
        ("I64", ScalarType.Int64),
        ("I32", ScalarType.Int32),
        ("I16", ScalarType.Int16),
        ("I8", ScalarType.Int8),
        ("U8", ScalarType.Byte),
        ("BOOL", ScalarType.Bool),
    ];

    private static readonly Dictionary<string, ScalarType> ByName = All.ToDictionary(static entry => entry.Name, static entry => entry.Type, StringComparer.Ordinal);

    private static readonly Dictionary<ScalarType, string> ByType = All.ToDictionary(static entry => entry.Type, static entry => entry.Name);

    /// <summary>Their names in files.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(static entry => entry.Name));

    /// <returns>The type as torch names it, or null where TorchSharp has none (U16, U32, U64, 8-bit floats and smaller).</returns>
    public static ScalarType? Find(string name) => ByName.TryGetValue(name, out var type) ? type : null;

    /// <returns>The name in files, or null where no file holds tensors of the type.</returns>
    public static string? Find(ScalarType type) => ByType.GetValueOrDefault(type);
}
