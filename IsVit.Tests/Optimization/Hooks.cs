using System.Collections;
using System.Reflection;
using TorchSharp;

namespace IsVit.Tests.Optimization;

/// <summary>The hooks that stand on the modules of a model, which TorchSharp keeps to itself.</summary>
internal static class Hooks
{
    private static readonly string[] s_fields = ["pre_hooks", "post_hooks", "module_pre_hooks", "module_post_hooks"];

    public static IReadOnlyList<string> Of(torch.nn.Module model) =>
        [.. model.named_modules().Append(("(root)", model)).SelectMany(static entry => On(entry.Item1, entry.Item2)).Distinct()];

    private static IEnumerable<string> On(string path, torch.nn.Module module)
    {
        for (var type = module.GetType(); type is not null && type != typeof(object); type = type.BaseType)
        {
            foreach (var name in s_fields)
            {
                if (type.GetField(name, BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)?.GetValue(module) is IDictionary { Count: > 0 } hooks)
                {
                    yield return $"{path}.{name}: {hooks.Count}";
                }
            }
        }
    }
}
