using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Where the samples lie in what flows into and out of a module: the axis that is twice as long for twice as many samples. Null: no axis, or more than one.</summary>
/// <param name="Input">The axis of the input, of a module of two tensors that of the first, from 0.</param>
/// <param name="Output">The axis of the output, from 0.</param>
internal readonly record struct BatchAxes(int? Input, int? Output)
{
    /// <summary>Runs a batch through a model, and twice the batch, without gradients and in evaluation mode.</summary>
    /// <param name="graph">The model.</param>
    /// <param name="sample">A batch as the model takes it, samples along its first axis; one is enough.</param>
    /// <returns>The axes by path of every module from one or two tensors to one that runs once in a forward.</returns>
    public static IReadOnlyDictionary<string, BatchAxes> Find(ModuleGraph graph, Tensor sample)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(sample);
        using var evaluation = new EvaluationScope(graph.Model);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var once = Shapes(graph, sample);
        var twice = Shapes(graph, cat([sample, sample]));
        return once.Where(entry => entry.Value.Count == 1 && twice[entry.Key].Count == 1).ToDictionary(
            static entry => entry.Key,
            entry => new BatchAxes(Axis(entry.Value[0].Input, twice[entry.Key][0].Input), Axis(entry.Value[0].Output, twice[entry.Key][0].Output)),
            StringComparer.Ordinal);
    }

    private static Dictionary<string, List<(long[] Input, long[] Output)>> Shapes(ModuleGraph graph, Tensor batch)
    {
        var shapes = new Dictionary<string, List<(long[] Input, long[] Output)>>(StringComparer.Ordinal);
        var removals = new List<Action>();
        try
        {
            foreach (var (path, module) in graph.Modules)
            {
                List<(long[] Input, long[] Output)> seen = [];
                Tensor? See(Tensor[] inputs, Tensor output)
                {
                    seen.Add((inputs[0].shape, output.shape));
                    return null;
                }

                if (OutputHook.Add(module, See) is { } removal)
                {
                    removals.Add(removal);
                    shapes[path] = seen;
                }
            }

            graph.Model.call(batch);
            return shapes;
        }
        finally
        {
            removals.ForEach(static remove => remove());
        }
    }

    private static int? Axis(long[] shape, long[] doubled)
    {
        if (shape.Length != doubled.Length)
        {
            return null;
        }

        int[] longer = [.. Enumerable.Range(0, doubled.Length).Where(axis => doubled[axis] != shape[axis])];
        return longer is [var only] && doubled[only] == 2 * shape[only] ? only : null;
    }
}
