using IsVit.Core.Models;
using IsVit.Model.Files;
using IsVit.Model.Quantization;
using IsVit.Optimization.Recipes;
using IsVit.Runtime;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Runtime;

/// <summary>What the loader makes of files that are damaged, lie or are foreign.</summary>
public sealed class DamagedFileTests
{
    private const int Mutations = 3400;

    [Theory]
    [InlineData("ViT", RecipeNames.MinMax, 4)]
    [InlineData("Swin", RecipeNames.RepQ, 3)]
    [InlineData("SULQ", RecipeNames.SulqOnly, 4)]
    public void Load_DamagedFile_SaysSoOrPredictsAndAsksForLittleMemory(string kind, string recipe, int bits)
    {
        using var folder = new TemporaryFolder();
        var mutations = new ModelFileMutations(File.ReadAllBytes(TinyModel.Save(folder["whole.safetensors"], kind == "Swin", recipe, bits)), folder["damaged.safetensors"], bits);

        var faults = Enumerable.Range(0, Mutations).Select(_ => mutations.Try()).OfType<string>().Take(3).ToList();

        Assert.True(faults.Count == 0, string.Join("\n\n", faults));
        Assert.True(mutations.Outcomes[nameof(WeightFileException)] > Mutations / 10, Describe(mutations));
        Assert.True(mutations.Outcomes[nameof(QuantizationException)] > Mutations / 20, Describe(mutations));
        Assert.True(mutations.Outcomes["loaded"] > Mutations / 10, Describe(mutations));
    }

    [Fact]
    public void Load_ForeignFile_IsAWeightFileException()
    {
        using var folder = new TemporaryFolder();

        Assert.Throws<WeightFileException>(() => RuntimeModel.Load(folder.File("empty", [])));
        Assert.Throws<WeightFileException>(() => RuntimeModel.Load(folder.File("text", "no model, but a text that is long enough"u8)));
        Assert.Throws<FileNotFoundException>(() => RuntimeModel.Load(folder["absent"]));
    }

    /// <summary>A table of a window's relative positions grows with the window's side squared, what is made of it with the fourth power.</summary>
    [Fact]
    public void Load_WindowAsLargeAsTheMap_IsAnErrorBeforeMemoryIsTaken()
    {
        using var folder = new TemporaryFolder();
        var path = TinyModel.Save(
            folder["wide.safetensors"],
            new SwinTransformer(new() { ImageSize = 32, PatchSize = 1, EmbedDim = 8, Depths = [1], HeadCounts = [1], WindowSize = 32, ClassCount = 3, MlpRatio = 2 }),
            images: 2,
            imageSize: 32);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var error = Assert.Throws<QuantizationException>(() => RuntimeModel.Load(path));

        Assert.Contains("relative positions", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    private static string Describe(ModelFileMutations mutations) => string.Join(", ", mutations.Outcomes);
}
