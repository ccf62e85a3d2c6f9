using IsVit.Core.Graph;
using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>Streams through models of one input whose units take and give one tensor.</summary>
internal static class Streams
{
    public static UnitFlow Of(GraphAttachment attachment, IReadOnlyList<Tensor> batches, IActivationStore? store = null) => new(attachment, Batches(batches), store);

    public static IReadOnlyList<SampleBatch> Batches(params IEnumerable<Tensor> batches) => [.. batches.Select(static batch => new SampleBatch(batch))];

    public static IReadOnlyList<Tensor> Only(this IReadOnlyList<PackedTensors> activations) => [.. activations.Select(static activation => activation.Tensors.Single())];

    public static (IReadOnlyList<Tensor> Inputs, IReadOnlyList<Tensor> Outputs) Through(UnitFlow flow, Unit unit)
    {
        var (inputs, outputs) = flow.AdvanceThrough(unit, Xunit.TestContext.Current.CancellationToken);
        return (inputs.Only(), outputs.Only());
    }
}
