using IsVit.Core.Graph;
using IsVit.Core.Samples;

namespace IsVit.Core.Coverage;

/// <summary>The matrix products among the operators that libtorch runs, and the modules that run them.</summary>
internal static class OperatorProducts
{
    /// <summary>Runs one batch through a model.</summary>
    /// <returns>Null where libtorch cannot be listened to, or not understood for what others run meanwhile.</returns>
    public static List<RecordedProduct>? TryRecord(ModuleGraph graph, SampleBatch sample)
    {
        string[] paths = [.. graph.Modules.Keys];
        using var trace = OperatorTrace.TryStart();
        if (trace is null)
        {
            return null;
        }

        using var marks = new ModuleMarks([.. graph.Modules.Values]);
        graph.Forward.Run(sample);
        if (trace.TryStop() is not { } calls || calls.Count(static call => ModuleMarks.TryRead(call, out _, out _)) != marks.Count)
        {
            return null;
        }

        var running = new Dictionary<long, Stack<(int Module, int Call)>>();
        var begun = 0;
        var inside = new HashSet<long>();
        var products = new List<RecordedProduct>();
        foreach (var call in calls)
        {
            if (ModuleMarks.TryRead(call, out var index, out var begins))
            {
                Mark(running, call.Thread, (index, begun++), begins);
                continue;
            }

            // What a product is made of counts once, and what others run beside is none of this model's.
            if (inside.Contains(call.Parent))
            {
                inside.Add(call.Id);
            }
            else if (running.TryGetValue(call.Thread, out var modules) && modules.TryPeek(out var module) && Count(call) is { } product)
            {
                inside.Add(call.Id);
                products.Add(new RecordedProduct(new MatrixProduct(paths[module.Module], call.Name, product.Left, product.Right, product.Steps), module.Call));
            }
        }

        return products;
    }

    private static void Mark(Dictionary<long, Stack<(int Module, int Call)>> running, long thread, (int Module, int Call) call, bool begins)
    {
        if (!running.TryGetValue(thread, out var modules))
        {
            running[thread] = modules = [];
        }

        if (begins)
        {
            modules.Push(call);
        }
        else
        {
            modules.Pop();
        }
    }

    // Each output number of a product takes as many steps as the left operand's rows are long.
    private static (long[] Left, long[] Right, long Steps)? Count(OperatorCall call)
    {
        var x = call.Inputs;
        switch (call.Name)
        {
            case "linear":
                return (x[0], [x[1][1], x[1][0]], Size(call.Output) * x[0][^1]);
            case "matmul" or "mm" or "bmm" or "mv" or "dot" or "vdot":
                return (x[0], x[1], Size(call.Output) * x[0][^1]);
            case "addmm" or "_addmm_activation" or "addmv" or "baddbmm":
                return (x[1], x[2], Size(call.Output) * x[1][^1]);
            case "addbmm":
                return (x[1], x[2], Size(call.Output) * x[1][0] * x[1][^1]);
            case "convolution":
                var isTransposed = call.Flags[0];
                return (x[0], x[1], Size(isTransposed ? x[0] : call.Output) * (Size(x[1]) / x[1][0]));
            case "scaled_dot_product_attention":
                return (x[0], x[1], (Size(x[0]) + Size(call.Output)) * x[1][^2]);
            case "mkldnn_rnn_layer":
                return (x[0], x[1], Size(x[0]) / x[0][^1] * (Size(x[1]) + Size(x[2])));
            default:
                return null;
        }
    }

    private static long Size(long[] shape) => shape.Aggregate(1L, static (size, axis) => size * axis);
}
