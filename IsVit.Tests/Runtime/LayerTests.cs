using IsVit.Core.Models;
using IsVit.Model;
using IsVit.Model.Saved;
using IsVit.Optimization.Recipes;
using IsVit.Runtime.Layers;
using IsVit.Runtime.Products;
using IsVit.Runtime.Quantizing;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Runtime;

/// <summary>Each layer of the runtime, given what the quantized model's layer is given.</summary>
public sealed class LayerTests
{
    private const int ImageCount = 24;

    /// <summary>Methods, bits, and how far an output may be off in units of the outputs' size: that of float32 sums, or of levels on a grid.</summary>
    public static TheoryData<string, int, int, double> Methods { get; } = new()
    {
        { RecipeNames.MinMax, 4, 4, 2e-5 },
        { RecipeNames.MinMax, 8, 8, 2e-5 },
        { RecipeNames.Released, 4, 4, 2e-5 },
        { RecipeNames.ISVit, 4, 4, 1e-3 },
        { RecipeNames.ISVit, 3, 3, 1e-3 },
    };

    [Theory]
    [MemberData(nameof(Methods))]
    public void Apply_InputOfTheQuantizedModel_GivesItsOutputAndItsCodes(string recipe, int weightBits, int activationBits, double within)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        var images = Micro.Images(count: ImageCount);
        using var quantized = Micro.Quantizer(o => (o.Recipe, o.WeightBits, o.ActivationBits, o.Reconstruction.Iterations) = (recipe, weightBits, activationBits, 1)).Run(model, images);
        quantized.Save(folder["model.safetensors"]);
        var (inputs, outputs) = Record(model);
        quantized.Predict(images);
        using var saved = SavedModel.Open(folder["model.safetensors"]);
        var coders = saved.Sites.Where(static site => !site.IsWeight).ToDictionary(static site => (site.Site.Path, site.Site.Operand), site => ActivationCoder.Create(saved.Quantizers[site.Quantizer]));
        var (codes, differing) = (0, 0);
        foreach (var tiles in Tiles.Supported)
        {
            var parts = new ModelParts(saved, tiles, exactLevels: false);
            foreach (var (path, input) in inputs)
            {
                var expected = outputs[path];
                var tokens = input.Length / (path.EndsWith("fc2", StringComparison.Ordinal) ? 96 : 48);
                var layer = LinearLayer.Create(parts, path, input.Length / tokens, expected.Length / tokens);

                var found = Apply(layer, input, tokens);

                var size = Math.Sqrt(expected.Average(static x => (double)x * x));
                Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second - pair.First, -within * size, within * size));
                if (path.EndsWith("qkv", StringComparison.Ordinal))
                {
                    for (var token = 0; token < tokens; token++)
                    {
                        foreach (var (place, product, operand) in new[] { (1, "qk", SiteOperand.Right), (2, "av", SiteOperand.Right) })
                        {
                            var range = ((token * 144) + (place * 48))..((token * 144) + (place * 48) + 48);
                            var coder = coders[(path.Replace("qkv", product, StringComparison.Ordinal), operand)];
                            var (one, other) = (new byte[48], new byte[48]);
                            coder.Encode(expected.AsSpan(range), one);
                            coder.Encode(found.AsSpan(range), other);
                            codes += one.Length;
                            differing += one.Zip(other).Count(static pair => pair.First != pair.Second);
                        }
                    }
                }
            }
        }

        Assert.InRange(differing, 0, codes / 10_000);
    }

    private static float[] Apply(LinearLayer layer, float[] input, int tokens)
    {
        var scratch = new Scratch(24, layer.InputWidth, layer.OutputWidth);
        var output = new float[tokens * layer.OutputWidth];
        for (var first = 0; first < tokens; first += scratch.Rows)
        {
            var count = Math.Min(scratch.Rows, tokens - first);
            layer.Apply(input.AsSpan(first * layer.InputWidth), layer.InputWidth, count, scratch.First, scratch.Stride, scratch);
            for (var row = 0; row < count; row++)
            {
                scratch.First.Slice(row * scratch.Stride, layer.OutputWidth).CopyTo(output.AsSpan((first + row) * layer.OutputWidth));
            }
        }

        return output;
    }

    /// <summary>What flows into and out of the blocks' linear layers in the next call.</summary>
    private static (Dictionary<string, float[]> Inputs, Dictionary<string, float[]> Outputs) Record(VisionTransformer model)
    {
        var (inputs, outputs) = (new Dictionary<string, float[]>(StringComparer.Ordinal), new Dictionary<string, float[]>(StringComparer.Ordinal));
        for (var i = 0; i < model.Blocks.Count; i++)
        {
            var block = model.Blocks[i];
            foreach (var (name, layer) in new[] { ("attn.qkv", block.Attn.Qkv), ("attn.proj", block.Attn.Proj), ("mlp.fc1", block.Mlp.Fc1), ("mlp.fc2", block.Mlp.Fc2) })
            {
                var path = FormattableString.Invariant($"blocks.{i}.{name}");
                layer.register_forward_pre_hook((_, input) =>
                {
                    inputs[path] = input.contiguous().data<float>().ToArray();
                    return input;
                });
                layer.register_forward_hook((_, _, output) =>
                {
                    outputs[path] = output.contiguous().data<float>().ToArray();
                    return output;
                });
            }
        }

        return (inputs, outputs);
    }
}
