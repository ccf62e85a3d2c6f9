using TorchSharp;

namespace IsVit.Core.Models;

/// <summary>Runs blocks, or whatever else reads what the one before has given, one after the other.</summary>
internal static class BlockRow
{
    /// <summary>Lets go of what each block has read as soon as it has given its output, so that memory does not grow with depth.</summary>
    /// <param name="blocks">The blocks.</param>
    /// <param name="input">What the first one reads; disposed as well where the scope holds it.</param>
    /// <param name="scope">The caller's scope.</param>
    public static torch.Tensor Call(IEnumerable<torch.nn.Module<torch.Tensor, torch.Tensor>> blocks, torch.Tensor input, DisposeScope scope)
    {
        var x = input;
        foreach (var block in blocks)
        {
            var previous = x;
            x = block.call(previous);

            // Only what is still ours: a hook may have taken the tensor out of the scope, or returned its argument.
            if (!ReferenceEquals(previous, x) && scope.Contains(previous))
            {
                previous.Dispose();
            }
        }

        return x;
    }
}
