using IsVit.Core.Models;
using IsVit.Model.Architectures;

namespace IsVit.Tests.Models;

public sealed class VisionTransformerOptionsTests
{
    public static TheoryData<string, VisionTransformerOptions> Wrong => new()
    {
        { nameof(VisionTransformerOptions.ImageSize), new() { ImageSize = 225 } },
        { nameof(VisionTransformerOptions.ImageSize), new() { ImageSize = 0 } },
        { nameof(VisionTransformerOptions.PatchSize), new() { PatchSize = 0 } },
        { nameof(VisionTransformerOptions.InChannels), new() { InChannels = 0 } },
        { nameof(VisionTransformerOptions.EmbedDim), new() { EmbedDim = 193 } },
        { nameof(VisionTransformerOptions.Depth), new() { Depth = 0 } },
        { nameof(VisionTransformerOptions.HeadCount), new() { HeadCount = 0 } },
        { nameof(VisionTransformerOptions.MlpRatio), new() { MlpRatio = double.NaN } },
        { nameof(VisionTransformerOptions.ClassCount), new() { ClassCount = -1 } },
        { nameof(VisionTransformerOptions.HasClassToken), new() { HasClassToken = false } },
        { nameof(VisionTransformerOptions.Pooling), new() { Pooling = PoolingKind.Average, Distilled = true } },
        { nameof(VisionTransformerOptions.LayerScale), new() { LayerScale = double.PositiveInfinity } },
        { nameof(VisionTransformerOptions.LayerNormEps), new() { LayerNormEps = 0 } },
        { nameof(VisionTransformerOptions.DropPathRate), new() { DropPathRate = 1 } },
        { nameof(VisionTransformerOptions.DropoutRate), new() { DropoutRate = -0.1 } },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Constructor_OptionOutOfRange_NamesItAndItsValue(string option, VisionTransformerOptions options)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new VisionTransformer(options));

        Assert.Equal(option, error.ParamName);
        Assert.Contains(FormattableString.Invariant($"{option} is {error.ActualValue}; allowed is: "), error.Message, StringComparison.Ordinal);
    }
}
