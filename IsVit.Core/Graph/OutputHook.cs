using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A hook behind a module of any signature.</summary>
internal static class OutputHook
{
    /// <summary>Adds the hook.</summary>
    /// <param name="module">The module.</param>
    /// <param name="hook">Given the tensors that the module took and those that it gave; gives what goes on in place of the latter, null for the same.</param>
    /// <returns>Takes the hook away; null, and no hook, for a module that is never called.</returns>
    public static Action? Add(nn.Module module, Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>, IReadOnlyList<Tensor>?> hook) =>
        TypedModule.TryOf(module)?.HookAfter((arguments, result) =>
        {
            var outputs = PackedTensors.Of(result);
            return hook(PackedTensors.Of(arguments).Tensors, outputs.Tensors) is { } replaced ? outputs.With(replaced).Value : result;
        });
}
