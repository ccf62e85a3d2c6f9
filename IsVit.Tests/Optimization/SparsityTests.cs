using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Quantizers.FreeLevels;
using IsVit.Model.Quantization;
using IsVit.Tests.TestSupport;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

/// <summary>A model of which two of every four weights of each linear layer are 0, the smaller ones.</summary>
public sealed class SparsityTests
{
    public static TheoryData<string, int> RecipesAndBits => [.. from recipe in (string[])[RecipeNames.ISVit, RecipeNames.IntegerArithmetic, RecipeNames.SosOnly, RecipeNames.WeightOnly] from bits in (int[])[3, 4, 8] select new TheoryDataRow<string, int>(recipe, bits)];

    [Theory]
    [MemberData(nameof(RecipesAndBits))]
    public void Quantize_Keep_EveryZeroStays(string recipe, int bits)
    {
        using var scope = NewDisposeScope();
        using var model = Pruned();
        var zeros = Zeros(model);
        var reference = Micro.Call(model, Micro.Images(7));

        using var quantized = Micro.Quantizer(options =>
        {
            (options.Recipe, options.WeightBits, options.Sparsity) = (recipe, bits, SparsityHandling.Keep);
            options.OutputTuning.Steps = 4;
            options.Reconstruction.DropProbability = 0.5;
        }).Run(model, Micro.Images());

        Assert.Equal(9, zeros.Count);
        Assert.All(zeros, entry => Assert.Equal(0, Lost(model, entry.Key, entry.Value)));

        // It was quantized, and its other weights were moved.
        Assert.All(quantized.Report!.Units.Where(static unit => unit.Iterations > 0), static unit => Assert.True(double.IsFinite(unit.LossAfter)));
        Assert.True(bits > 4 || quantized.Report.Units.Any(static unit => unit.LossAfter < unit.LossBefore), "no unit was reconstructed");
        Assert.InRange(Micro.Distance(reference, quantized.Predict(Micro.Images(7))), 1e-9, 1);
    }

    [Fact]
    public void Quantize_ByDefault_WarnsThatZerosMayBeLost()
    {
        using var scope = NewDisposeScope();
        using var model = Pruned();
        var zeros = Zeros(model);
        var logger = new RecordingLogger<ModelQuantizer>();

        using var quantized = Micro.Quantizer(logger: logger).Run(model, Micro.Images());

        var warning = Assert.Single(logger.Events, static e => e.Id == 8);
        Assert.Equal((LogLevel.Warning, 9), (warning.Level, warning.Values["LayerCount"]));
        Assert.Equal(0.5, (double)warning.Values["Share"]!, 1e-9);
        Assert.InRange(zeros.Sum(entry => Lost(model, entry.Key, entry.Value)), 1, long.MaxValue);
    }

    [Theory]
    [InlineData(SparsityHandling.Keep, true)]
    [InlineData(SparsityHandling.Warn, false)]
    public void Quantize_NothingToWarnOf_SaysNothing(SparsityHandling handling, bool isPruned)
    {
        using var scope = NewDisposeScope();
        using var model = isPruned ? Pruned() : Micro.Vit();
        var logger = new RecordingLogger<ModelQuantizer>();

        using var quantized = Micro.Quantizer(options => { (options.Recipe, options.Sparsity) = (RecipeNames.RepQ, handling); }, logger).Run(model, Micro.Images());

        Assert.DoesNotContain(logger.Events, static e => e.Id == 8);
    }

    /// <summary>Where zeros are kept, the weights that are left make up for the layer's errors: better than with each rounded by itself.</summary>
    [Fact]
    public void Quantize_Keep_WeightCompensationStillHelps()
    {
        using var scope = NewDisposeScope();
        double Error(params string[] left)
        {
            using var model = Pruned();
            var reference = Micro.Call(model, Micro.Images(7));
            using var quantized = Micro.Quantizer(left, [], static options => { (options.WeightBits, options.ActivationBits, options.Sparsity) = (3, 8, SparsityHandling.Keep); }).Run(model, Micro.Images());
            return Micro.Distance(reference, quantized.Predict(Micro.Images(7)));
        }

        Assert.InRange(Error(StageNames.WeightCalibration, StageNames.Gptq), 0, 0.95 * Error(StageNames.WeightCalibration));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Calibrate_RowsWithManyZeros_HaveALevelThere(int bits)
    {
        using var scope = NewDisposeScope();
        using var quantizer = new ChannelLevelsQuantizer(bits, Granularity.Channel(0));
        var numbers = Seeded.Normal(3, 20, 200).add(0.3);
        var zeros = Seeded.Normal(4, 20, 200).gt(1);
        numbers = where(zeros, zeros_like(numbers), numbers);

        quantizer.Calibrate(numbers);

        Assert.InRange(zeros.sum().item<long>(), 500, 800);
        Assert.Equal(0, quantizer.FakeQuantize(numbers).masked_select(zeros).abs().max().item<float>());
    }

    private static VisionTransformer Pruned()
    {
        var model = Micro.Vit();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (name.EndsWith("weight", StringComparison.Ordinal) && parameter.dim() == 2)
            {
                var groups = parameter.view(-1, 4);
                groups.masked_fill_(groups.abs().argsort(1).argsort(1).lt(2), 0);
            }
        }

        return model;
    }

    private static Dictionary<string, Tensor> Zeros(VisionTransformer model) => model.named_parameters()
        .Where(static entry => entry.name.EndsWith("weight", StringComparison.Ordinal) && entry.parameter.dim() == 2)
        .ToDictionary(static entry => entry.name, static entry => entry.parameter.eq(0), StringComparer.Ordinal);

    private static long Lost(VisionTransformer model, string name, Tensor zeros) => model.named_parameters().Single(entry => entry.name == name).parameter.ne(0).logical_and(zeros).sum().item<long>();
}
