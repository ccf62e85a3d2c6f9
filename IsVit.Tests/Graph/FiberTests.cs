using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>What one batch's halted forward says of itself.</summary>
public sealed class FiberTests
{
    [Fact]
    public void Elements_OfTheWayToASmallActivation_AreThoseOfTheLargest()
    {
        using var scope = NewDisposeScope();
        using var model = MicroModels.Create();
        using var images = MicroModels.Images(2, 1);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, images), static _ => null);
        var last = attachment.Graph.Units[^1];
        using var fiber = new Fiber(attachment, images, store: null);

        fiber.Advance(last, UnitBoundary.Input);
        var (passed, stood) = (fiber.Elements, fiber.At(UnitBoundary.Input).NumberOfElements);
        fiber.Advance(last, UnitBoundary.Output);

        // The largest is what the first unit reads.
        Assert.Equal(images.NumberOfElements, passed);
        Assert.Equal(Math.Max(stood, fiber.At(UnitBoundary.Output).NumberOfElements), fiber.Elements);
    }
}
