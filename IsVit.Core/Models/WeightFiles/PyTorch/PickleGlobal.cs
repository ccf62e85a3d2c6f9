namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>A name in a pickle that is known here.</summary>
/// <param name="Name">The name.</param>
/// <param name="Kind">What it stands for.</param>
/// <param name="ElementType">Of a storage, the element type as safetensors names it.</param>
internal sealed record PickleGlobal(string Name, PickleGlobalKind Kind, string? ElementType = null)
{
    private static readonly Dictionary<string, PickleGlobal> All = Known().ToDictionary(static known => known.Name, StringComparer.Ordinal);

    /// <summary>Finds a name on the list of those that are allowed.</summary>
    /// <param name="module">The module.</param>
    /// <param name="name">The name in the module.</param>
    /// <returns>Null where it is not on the list.</returns>
    public static PickleGlobal? Find(string module, string name) => All.GetValueOrDefault($"{module}.{name}");

    private static IEnumerable<PickleGlobal> Known()
    {
        foreach (var (storage, type) in new[] { ("Double", "F64"), ("Float", "F32"), ("Half", "F16"), ("BFloat16", "BF16"), ("Long", "I64"), ("Int", "I32"), ("Short", "I16"), ("Char", "I8"), ("Byte", "U8"), ("Bool", "BOOL") })
        {
            yield return new($"torch.{storage}Storage", PickleGlobalKind.Storage, type);
        }

        (PickleGlobalKind Kind, string[] Names)[] groups =
        [
            (PickleGlobalKind.Dictionary, ["collections.OrderedDict", "collections.defaultdict", "collections.Counter"]),
            (PickleGlobalKind.List, ["builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset"]),
            (PickleGlobalKind.Tuple, ["torch.Size"]),
            (PickleGlobalKind.Bytes, ["_codecs.encode"]),
            (PickleGlobalKind.Tensor, ["torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"]),
            (PickleGlobalKind.Parameter, ["torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"]),
            (PickleGlobalKind.Inert,
            [
                "argparse.Namespace", "copyreg._reconstructor", "copy_reg._reconstructor", "builtins.object", "__builtin__.object", "builtins.list", "__builtin__.list", "builtins.dict", "__builtin__.dict",
                "builtins.int", "__builtin__.int", "builtins.float", "__builtin__.float", "torch.device", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype",
                "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16", "torch.int64", "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
            ]),
        ];
        foreach (var (kind, names) in groups)
        {
            foreach (var name in names)
            {
                yield return new(name, kind);
            }
        }
    }
}
