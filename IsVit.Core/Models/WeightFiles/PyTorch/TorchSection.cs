namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>The state dict in what was saved: the value itself, or a part of a training program's checkpoint.</summary>
/// <param name="Path">The keys that lead to it, joined by dots; empty for the value itself.</param>
/// <param name="Tensors">The tensors by name.</param>
internal sealed record TorchSection(string Path, IReadOnlyList<KeyValuePair<string, TorchTensor>> Tensors)
{
    private const int MaxDepth = 3;

    // In the order in which they are looked for: where a checkpoint has several, the first holds what it evaluates with.
    private static readonly string[] Keys =
        ["state_dict", "model_state_dict", "model", "teacher", "module", "state_dict_ema", "model_ema", "ema", "ema_state_dict", "student", "network", "net", "weights", "backbone", "encoder"];

    /// <summary>The keys that a state dict is looked for under.</summary>
    public static string Names { get; } = string.Join(", ", Keys);

    /// <summary>Finds it.</summary>
    /// <param name="root">What was saved.</param>
    /// <returns>Null if there is none.</returns>
    public static TorchSection? Find(object? root) => Find(root, string.Empty, 0);

    private static TorchSection? Find(object? value, string path, int depth)
    {
        if (value is not PickleDictionary dictionary)
        {
            return null;
        }

        if (depth < MaxDepth)
        {
            foreach (var key in Keys)
            {
                if (Find(dictionary.Find(key), path.Length == 0 ? key : $"{path}.{key}", depth + 1) is { } found)
                {
                    return found;
                }
            }
        }

        List<KeyValuePair<string, TorchTensor>> tensors = [.. dictionary.Items.Where(static item => item.Value is TorchTensor).Select(static item => KeyValuePair.Create(item.Key, (TorchTensor)item.Value!))];
        return tensors.Count > 0 ? new TorchSection(path, tensors) : null;
    }
}
