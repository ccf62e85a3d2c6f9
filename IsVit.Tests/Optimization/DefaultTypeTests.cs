using IsVit.Core.Models;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

/// <summary>The default type is the whole process's, so that nothing may run beside these tests.</summary>
[CollectionDefinition(nameof(DefaultTypeTests), DisableParallelization = true)]
[Collection(nameof(DefaultTypeTests))]
public sealed class DefaultTypeTests
{
    [Fact]
    public void Quantize_DefaultTypeIsFloat64_SameModelAsWithFloat32()
    {
        using var scope = NewDisposeScope();
        using var one = Micro.Vit();
        using var other = Micro.Vit();
        var images = Micro.Images();

        Run(one);
        set_default_dtype(float64);
        try
        {
            Run(other);
        }
        finally
        {
            set_default_dtype(float32);
        }

        Micro.AssertSame(Micro.Copy(one), Micro.Copy(other));

        void Run(VisionTransformer model) => Micro.Quantizer(static options =>
        {
            options.OutputTuning.Steps = 2;
            (options.Reconstruction.DropProbability, options.Reconstruction.HeldOutShare, options.Reconstruction.Views) = (null, null, 2);
        }).Run(model, images).Dispose();
    }
}
