using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// Where the samples lie in the tensors that flow into and out of a module: for each tensor the axis that is twice as long for twice as many samples, from 0; <see cref="SameForAll"/> for a tensor whose shape does not depend on their
/// number; null where more than one axis does, or one does otherwise.
/// </summary>
/// <param name="Inputs">Of each input.</param>
/// <param name="Outputs">Of each output.</param>
internal sealed record BatchAxes(IReadOnlyList<int?> Inputs, IReadOnlyList<int?> Outputs)
{
    /// <summary>No axis holds samples: a table that all of them share.</summary>
    public const int SameForAll = -1;

    /// <summary>Runs a batch through a model, and twice the batch, without gradients and in evaluation mode.</summary>
    /// <param name="graph">The model.</param>
    /// <param name="sample">A batch as the model takes it; one sample is enough.</param>
    /// <returns>The axes by path of every module that tensors flow in and out of, as many for both batches, and that runs once in a forward.</returns>
    public static IReadOnlyDictionary<string, BatchAxes> Find(ModuleGraph graph, SampleBatch sample)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(sample);
        using var evaluation = new EvaluationScope(graph.Model);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var once = Shapes(graph, sample);
        var twice = Shapes(graph, SampleBatch.Join([sample, sample]));
        var axes = new Dictionary<string, BatchAxes>(StringComparer.Ordinal);
        foreach (var (path, calls) in once)
        {
            if (calls is [var single] && twice[path] is [var doubled] && single.Inputs.Count == doubled.Inputs.Count && single.Outputs.Count == doubled.Outputs.Count && single.Outputs.Count > 0)
            {
                axes[path] = new BatchAxes(Axes(single.Inputs, doubled.Inputs), Axes(single.Outputs, doubled.Outputs));
            }
        }

        return axes;
    }

    private static Dictionary<string, List<(List<long[]> Inputs, List<long[]> Outputs)>> Shapes(ModuleGraph graph, SampleBatch batch)
    {
        var shapes = new Dictionary<string, List<(List<long[]> Inputs, List<long[]> Outputs)>>(StringComparer.Ordinal);
        var removals = new List<Action>();
        try
        {
            foreach (var (path, module) in graph.Modules)
            {
                List<(List<long[]> Inputs, List<long[]> Outputs)> seen = [];
                IReadOnlyList<Tensor>? See(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> outputs)
                {
                    seen.Add(([.. inputs.Select(static input => input.shape)], [.. outputs.Select(static output => output.shape)]));
                    return null;
                }

                if (OutputHook.Add(module, See) is { } removal)
                {
                    removals.Add(removal);
                    shapes[path] = seen;
                }
            }

            graph.Forward.Run(batch);
            return shapes;
        }
        finally
        {
            removals.ForEach(static remove => remove());
        }
    }

    private static List<int?> Axes(List<long[]> shapes, List<long[]> doubled) => [.. shapes.Zip(doubled).Select(static pair => Axis(pair.First, pair.Second))];

    private static int? Axis(long[] shape, long[] doubled)
    {
        if (shape.Length != doubled.Length)
        {
            return null;
        }

        int[] longer = [.. Enumerable.Range(0, doubled.Length).Where(axis => doubled[axis] != shape[axis])];
        return longer switch
        {
            [] => SameForAll,
            [var only] when doubled[only] == 2 * shape[only] => only,
            _ => null,
        };
    }
}
