using System.Collections;
using System.Reflection;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>Looks into TorchSharp's modules, which do not show their hooks.</summary>
internal static class Hooks
{
    private static readonly string[] Fields = ["pre_hooks", "post_hooks", "module_pre_hooks", "module_post_hooks"];

    /// <summary>The hooks on a model and all modules inside it, counted by module and kind.</summary>
    public static IReadOnlyDictionary<string, int> Of(nn.Module model)
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var (path, module) in model.named_modules().Prepend(("", model)))
        {
            foreach (var name in Fields)
            {
                if (Field(module.GetType(), name)?.GetValue(module) is ICollection { Count: > 0 } hooks)
                {
                    counts[$"{path}:{name}"] = hooks.Count;
                }
            }
        }

        return counts;
    }

    public static void AssertNone(nn.Module model) => Assert.Empty(Of(model));

    private static FieldInfo? Field(Type? type, string name)
    {
        for (; type is not null; type = type.BaseType)
        {
            if (type.GetField(name, BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.DeclaredOnly) is { } field)
            {
                return field;
            }
        }

        return null;
    }
}
