using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability;

/// <summary>Models whose every number depends on the seed alone, images for them, and quick quantizers.</summary>
internal static class SmallModels
{
    /// <summary>The side of the images.</summary>
    public const int Side = 16;

    /// <summary>A vision transformer of two blocks for images of 3 x 16 x 16, in evaluation mode.</summary>
    /// <param name="seed">What its numbers depend on.</param>
    /// <param name="options">Another shape.</param>
    public static VisionTransformer Vit(int seed = 1, VisionTransformerOptions? options = null) => Filled(new VisionTransformer(options ?? new VisionTransformerOptions { ImageSize = Side, PatchSize = 4, EmbedDim = 16, Depth = 2, HeadCount = 2, MlpRatio = 2, ClassCount = 5 }), seed);

    /// <summary>A Swin transformer of two stages for images of the same size.</summary>
    /// <param name="seed">What its numbers depend on.</param>
    public static SwinTransformer Swin(int seed = 1) =>
        Filled(new SwinTransformer(new SwinTransformerOptions { ImageSize = Side, PatchSize = 2, EmbedDim = 8, Depths = [1, 1], HeadCounts = [1, 2], WindowSize = 4, ClassCount = 5, MlpRatio = 2 }), seed);

    /// <summary>Images.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">What they depend on.</param>
    public static torch.Tensor Images(int count, int seed = 100) => Numbers(seed, 1.7, [count, 3, Side, Side]);

    /// <summary>A quantizer of few steps.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="bits">The width of weights and activations.</param>
    /// <param name="configure">Changes the options.</param>
    public static ModelQuantizer Quantizer(string recipe, int bits = 4, Action<QuantizationOptions>? configure = null) => ModelQuantizer.Create(options =>
    {
        (options.Recipe, options.WeightBits, options.ActivationBits) = (recipe, bits, bits);
        (options.Reconstruction.Iterations, options.Reconstruction.BatchSize, options.OutputTuning.Steps) = (4, 8, 2);
        configure?.Invoke(options);
    });

    private static T Filled<T>(T model, int seed)
        where T : torch.nn.Module
    {
        using var noGrad = torch.no_grad();
        foreach (var (name, parameter) in model.named_parameters())
        {
            var isScale = name.Contains("norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal);
            var size = parameter.dim() < 2 ? 0.4 : 2.2 / Math.Sqrt((double)parameter.numel() / parameter.shape[0]);
            using var numbers = Numbers(++seed, size, parameter.shape);
            using var values = isScale ? numbers.exp() : numbers.alias();
            parameter.copy_(values);
        }

        model.eval();
        return model;
    }

    private static torch.Tensor Numbers(int seed, double size, ReadOnlySpan<long> shape)
    {
        var random = new Random(seed);
        var numbers = new float[checked((int)Count(shape))];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = (float)(((random.NextDouble() * 2) - 1) * size);
        }

        return torch.tensor(numbers, shape.ToArray());
    }

    private static long Count(ReadOnlySpan<long> shape)
    {
        var count = 1L;
        foreach (var length in shape)
        {
            count *= length;
        }

        return count;
    }
}
