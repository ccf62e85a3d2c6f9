using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Models;

public sealed class RelativePositionBiasTests
{
    /// <summary>What a transcription of timm's <c>resize_rel_pos_bias_table</c> to NumPy gives, in float32: some entries, the sum of magnitudes, and the sum of the first head times cos(i).</summary>
    [Theory]
    [InlineData(4, 7, new[] { 0.0, 0.0, 0.0, -0.725626, -0.179302, -0.461332 }, 181.9978, -0.3896)]
    [InlineData(7, 12, new[] { 7e-06, 0.222512, 0.211932, 1.039115, -0.416443, 2.087256 }, 1008.0284, 1.1322)]
    [InlineData(7, 3, new[] { 1.538064, 1.361816, 0.126618, 1.039115, 0.985801, 0.841765 }, 48.0716, -0.5215)]
    [InlineData(7, 6, new[] { -0.211451, -0.568393, 1.229563, 1.039115, 1.337505, 2.376897 }, 228.3263, 3.9152)]
    public void Resize_OtherWindows_IsTimms(int given, int window, double[] entries, double magnitudes, double waves)
    {
        using var scope = torch.NewDisposeScope();
        var (before, after) = (((2 * given) - 1) * ((2 * given) - 1), ((2 * window) - 1) * ((2 * window) - 1));
        var table = torch.tensor(Enumerable.Range(0, before).SelectMany(static i => (float[])[(float)(Math.Sin(0.7 * i) + (0.01 * i)), (float)(Math.Sin(1.4 * i) + (0.01 * i))]).ToArray()).view(before, 2);

        var resized = RelativePositionBias.Resize(table, window);

        Assert.Equal([after, 2], resized.shape);
        Assert.Equal(torch.float32, resized.dtype);
        (int Place, int Head)[] places = [(0, 0), (1, 0), (2 * window, 1), ((after / 2) + 1, 0), (after / 3, 1), (after - 1, 1)];
        Assert.Equal(entries, places.Select(place => (double)resized[place.Place, place.Head].item<float>()), (a, b) => Math.Abs(a - b) < 2e-5);
        Assert.InRange(resized.abs().sum().item<float>(), magnitudes - 0.02, magnitudes + 0.02);
        Assert.InRange(Enumerable.Range(0, after).Sum(i => Math.Cos(i) * resized[i, 0].item<float>()), waves - 0.003, waves + 0.003);
    }

    [Fact]
    public void Resize_ToALargerWindow_KeepsTheNeighboursAndTheFarthest()
    {
        using var scope = torch.NewDisposeScope();
        var table = torch.arange(49 * 3, dtype: torch.float64).square().view(7, 7, 3);

        var resized = RelativePositionBias.Resize(table.view(49, 3), 9).view(17, 17, 3);

        TensorAssert.Close(table[3, 3], resized[8, 8]);
        TensorAssert.Close(table[2, 4], resized[7, 9]);
        TensorAssert.Close(table[4, 3], resized[9, 8]);
        Assert.Equal(table[6, 0, 1].item<double>(), resized[16, 0, 1].item<double>(), 1.0);
        Assert.NotEqual(table[5, 3, 0].item<double>(), resized[10, 8, 0].item<double>());
    }

    [Theory]
    [InlineData(169, 7)]
    [InlineData(1, 1)]
    [InlineData(144, null)]
    [InlineData(168, null)]
    [InlineData(0, null)]
    public void WindowOf_Counts_AreSquaresOfOddNumbers(long count, int? expected) => Assert.Equal(expected, RelativePositionBias.WindowOf(count));

    /// <summary>Blocks of small maps have small windows whatever the options say, and each table is resized to its own.</summary>
    [Fact]
    public void Load_SwinOfOtherWindowsAndImages_ResizesEachLayersTables()
    {
        using var scope = torch.NewDisposeScope();
        var options = new SwinTransformerOptions { ImageSize = 32, PatchSize = 2, InChannels = 1, EmbedDim = 8, Depths = [2, 1], HeadCounts = [2, 4], WindowSize = 4, ClassCount = 3 };
        using var trained = new SwinTransformer(options);
        using var wider = new SwinTransformer(options with { ImageSize = 24, WindowSize = 8 });

        var strict = Assert.Throws<StateDictException>(() => StateDict.Load(wider, trained.state_dict()));
        var report = StateDict.Load(wider, trained.state_dict(), new() { Resize = true });

        // 12 and 6 tokens a side: windows of 8 and 6.
        Assert.Equal(3, strict.Mismatched.Count);
        Assert.Equal(3, report.Resized.Count);
        Assert.Equal([225, 2], wider.Layers[0].Blocks[1].Attn.RelativePositionBiasTable.shape);
        TensorAssert.Identical(RelativePositionBias.Resize(trained.Layers[0].Blocks[1].Attn.RelativePositionBiasTable, 8), wider.Layers[0].Blocks[1].Attn.RelativePositionBiasTable.detach());
        TensorAssert.Identical(RelativePositionBias.Resize(trained.Layers[1].Blocks[0].Attn.RelativePositionBiasTable, 6), wider.Layers[1].Blocks[0].Attn.RelativePositionBiasTable.detach());
    }

    [Fact]
    public void CanResize_WhatIsNoTableOfTheModel_IsRefused()
    {
        using var model = ModelCatalog.Create(ModelCatalog.DemoSwin);
        var heads = model is SwinTransformer { Options.HeadCounts: var counts } ? counts[0] : 0;
        var names = (IStateDictNames)model;

        Assert.True(names.CanResize("layers.0.blocks.0.attn.relative_position_bias_table", [25, heads]));
        Assert.False(names.CanResize("layers.0.blocks.0.attn.relative_position_bias_table", [25, heads + 1]));
        Assert.False(names.CanResize("layers.0.blocks.0.attn.relative_position_bias_table", [24, heads]));
        Assert.False(names.CanResize("layers.9.blocks.0.attn.relative_position_bias_table", [25, heads]));
        Assert.False(names.CanResize("layers.0.blocks.0.attn.qkv.weight", [25, heads]));
        Assert.Throws<ArgumentException>("name", () => names.Resize("norm.weight", torch.zeros(25, heads)));
        Assert.Contains("24 relative positions; expected the square of an odd number", Assert.Throws<ArgumentException>(() => RelativePositionBias.Resize(torch.zeros(24, 1), 3)).Message, StringComparison.Ordinal);
    }
}
