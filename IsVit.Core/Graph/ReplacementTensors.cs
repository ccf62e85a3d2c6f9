using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// The tensors that one thread has handed to modules in place of the caller's. They live until another module starts, because hooks that run after a
/// module may still read its input.
/// </summary>
internal sealed class ReplacementTensors
{
    private readonly List<(string Path, Tensor Tensor)> _held = [];

    /// <summary>Takes a tensor over.</summary>
    /// <param name="path">The module that reads it.</param>
    /// <param name="tensor">The tensor.</param>
    public void Add(string path, Tensor tensor) => _held.Add((path, tensor));

    /// <summary>Disposes what modules read that are done, which are all but those that hold the one that starts.</summary>
    /// <param name="path">The module that starts.</param>
    public void ReleaseBefore(string path) => Release(held => !ModulePath.IsInside(path, held));

    /// <summary>Disposes what the modules inside one read that has ended.</summary>
    /// <param name="path">The module that has ended.</param>
    public void ReleaseInside(string path) => Release(held => ModulePath.IsInside(held, path));

    /// <summary>Disposes everything.</summary>
    public void Release() => Release(static _ => true);

    private void Release(Predicate<string> isDone)
    {
        for (var i = _held.Count - 1; i >= 0; i--)
        {
            if (isDone(_held[i].Path))
            {
                _held[i].Tensor.Dispose();
                _held.RemoveAt(i);
            }
        }
    }
}
