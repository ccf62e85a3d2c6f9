using IsVit.Core.Graph;
using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>What one batch's halted forward says of itself.</summary>
public sealed class SuspendedForwardTests
{
    [Fact]
    public void Elements_OfTheWayToASmallActivation_AreThoseOfTheLargest()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create();
        using var images = MicroModels.Images(2, 1);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, images), static _ => null);
        var last = attachment.Graph.Units[^1];
        using var forward = new SuspendedForward(attachment, new SampleBatch(images), store: null);

        forward.Advance(last, UnitBoundary.Input);
        var (passed, stood) = (forward.Elements, forward.At(UnitBoundary.Input).Tensors[0].NumberOfElements);
        forward.Advance(last, UnitBoundary.Output);

        // The largest is what the first unit reads.
        Assert.Equal(images.NumberOfElements, passed);
        Assert.Equal(Math.Max(stood, forward.At(UnitBoundary.Output).Tensors[0].NumberOfElements), forward.Elements);
    }
}
