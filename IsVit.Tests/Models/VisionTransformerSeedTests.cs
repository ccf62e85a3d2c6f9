using IsVit.Core.Models;
using static TorchSharp.torch;

namespace IsVit.Tests.Models;

/// <summary>What draws from torch's default generator and expects the same numbers again runs while nothing else draws.</summary>
[CollectionDefinition(nameof(DefaultGenerator), DisableParallelization = true)]
public sealed class DefaultGenerator;

[Collection(nameof(DefaultGenerator))]
public sealed class VisionTransformerSeedTests
{
    private static readonly VisionTransformerOptions Micro = new()
    {
        ImageSize = 8, PatchSize = 4, EmbedDim = 12, Depth = 2, HeadCount = 3, ClassCount = 5,
    };

    [Fact]
    public void Constructor_SameSeed_GivesTheSameWeights()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        using var first = new VisionTransformer(Micro);
        manual_seed(7);
        using var second = new VisionTransformer(Micro);

        var other = second.state_dict();
        Assert.All(first.state_dict(), p => Assert.Equal(0, ModelFiles.MaxDifference(p.Value, other[p.Key])));
        Assert.InRange(first.Head.weight.std().item<float>(), 0.01f, 0.03f);
    }
}
