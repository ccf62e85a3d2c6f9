using static TorchSharp.torch;

namespace IsVit.Core.Arithmetic;

/// <summary>Derivatives by <c>autograd.backward</c>: where libtorch throws, <c>autograd.grad</c> of TorchSharp 0.107 ends the process (<c>THSAutograd_grad</c> catches nothing).</summary>
internal static class Derivatives
{
    /// <summary>The derivatives of a number by tensors that it was computed from. What stands in their <c>grad</c> stays.</summary>
    /// <param name="number">One element.</param>
    /// <param name="by">Leaves or not, each of them once.</param>
    /// <param name="retainGraph">Whether the graph is needed again.</param>
    /// <returns>One for each tensor; null where no derivative flows to it.</returns>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">The graph cannot be gone back through.</exception>
    public static Tensor?[] Of(Tensor number, IReadOnlyList<Tensor> by, bool retainGraph = false)
    {
        var reached = by.Where(static tensor => tensor.requires_grad).ToList();
        if (!number.requires_grad || reached.Count == 0)
        {
            return new Tensor?[by.Count];
        }

        // Derivatives add up in what is there; what is no leaf holds none, and warns when it is asked for it.
        var before = reached.ConvertAll(static tensor => tensor.is_leaf ? tensor.grad : null);
        reached.ForEach(static tensor => tensor.grad = null);
        try
        {
            autograd.backward([number], retain_graph: retainGraph, inputs: reached);
            return [.. by.Select(static tensor => tensor.requires_grad ? tensor.grad : null)];
        }
        finally
        {
            for (var i = 0; i < reached.Count; i++)
            {
                reached[i].grad = before[i];
            }
        }
    }

    /// <summary>The derivatives of the sum of all elements of some tensors.</summary>
    /// <param name="outputs">One or more tensors that have gradients.</param>
    /// <param name="by">Leaves or not, each of them once.</param>
    /// <returns>See <see cref="Of"/>.</returns>
    public static Tensor?[] OfSum(IEnumerable<Tensor> outputs, IReadOnlyList<Tensor> by) =>
        Of(outputs.Select(static output => output.sum()).Aggregate(static (sum, output) => sum.Plus(output)), by);
}
