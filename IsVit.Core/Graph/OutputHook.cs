using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A hook behind a module that makes one tensor of one tensor or of two, whichever it is.</summary>
internal static class OutputHook
{
    /// <summary>Adds the hook.</summary>
    /// <param name="module">The module.</param>
    /// <param name="hook">Given what the module took and what it gave; gives what goes on in its place, null for the same.</param>
    /// <returns>Takes the hook away; null, and no hook, for a module of another kind.</returns>
    public static Action? Add(nn.Module module, Func<Tensor[], Tensor, Tensor?> hook) => module switch
    {
        nn.Module<Tensor, Tensor> one => one.register_forward_hook((_, input, output) => hook([input], output)!).remove,
        nn.Module<Tensor, Tensor, Tensor> two => two.register_forward_hook((_, left, right, output) => hook([left, right], output)!).remove,
        _ => null,
    };
}
