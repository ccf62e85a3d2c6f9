using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Models;

public sealed class SwinTransformerTests(ITestOutputHelper output)
{
    // 6 tokens a side: whole windows neither with 4 nor after merging.
    private static readonly SwinTransformerOptions Uneven = new()
    {
        ImageSize = 12, PatchSize = 2, EmbedDim = 6, Depths = [2, 2], HeadCounts = [2, 3], WindowSize = 4, ClassCount = 5, DropPathRate = 0.5, DropoutRate = 0.5,
    };

    [Fact]
    public void Call_OracleWeights_GivesTheOraclesLogits()
    {
        using var scope = NewDisposeScope();
        using var oracle = SafetensorsFile.Open(SharedData.Oracle("swin_micro.safetensors"));
        using var model = ModelFiles.LoadSwinMicro(oracle);
        using var noGrad = no_grad();

        var difference = ModelFiles.MaxDifference(oracle.Read("logits"), model.call(oracle.Read("input")));

        output.WriteLine($"largest difference of a logit: {difference:g3}");
        Assert.InRange(difference, 0, 1e-4);
    }

    [Fact]
    public void Load_OlderNamesWithStoredIndexAndMask_GivesTheSameModel()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Create(Uneven with { Depths = [2, 1, 1], HeadCounts = [2, 3, 4] });
        using var other = Create(model.Options);
        var older = new Dictionary<string, Tensor>
        {
            ["layers.0.blocks.1.attn_mask"] = zeros(4, 16, 16),
            ["layers.0.blocks.1.attn.relative_position_index"] = zeros(16, 16, int64),
        };
        foreach (var (name, tensor) in model.state_dict())
        {
            older[name.Replace("layers.1.downsample", "layers.0.downsample").Replace("layers.2.downsample", "layers.1.downsample").Replace("head.fc", "head")] = tensor;
        }

        StateDict.Load(other, older);

        Assert.Contains("layers.0.downsample.reduction.weight", older.Keys);
        Assert.DoesNotContain("layers.2.downsample.reduction.weight", older.Keys);
        var images = rand(2, 3, 12, 12);
        Assert.Equal(0, ModelFiles.MaxDifference(model.call(images), other.call(images)));
    }

    [Fact]
    public void Load_OlderNamesThatAreMissing_AreReportedAsTheModelsOwn()
    {
        using var scope = NewDisposeScope();
        using var model = Create(Uneven);
        var older = model.state_dict().ToDictionary(entry => entry.Key.Replace("layers.1.downsample", "layers.0.downsample"), entry => entry.Value);
        older.Remove("layers.0.downsample.norm.bias");
        older["layers.7.downsample.odd"] = zeros(1);

        var error = Assert.Throws<StateDictException>(() => StateDict.Load(model, older));

        Assert.Equal(["layers.1.downsample.norm.bias"], error.Missing);
        Assert.Equal(["layers.8.downsample.odd"], error.Unexpected);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Call_BlockOfASideThatIsNoMultipleOfTheWindow_FillsUpWithZeros(int index)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Create(Uneven);
        var block = model.Layers[0].Blocks[index];
        block.Attn.RelativePositionBiasTable.normal_();
        block.Attn.Qkv.weight.normal_();
        block.Attn.Qkv.bias!.normal_();
        var x = randn(2, 6, 6, 6);

        Assert.Equal((4, 2 * index), (block.WindowSize, block.Shift));
        Assert.InRange(ModelFiles.MaxDifference(PlainBlock(block, x, headCount: 2), block.call(x)), 0, 1e-5);
    }

    [Fact]
    public void Constructor_LayerNoLargerThanTheWindow_HasOneUnshiftedWindow()
    {
        using var model = Create(Uneven);

        Assert.All(model.Layers[1].Blocks, block => Assert.Equal((3, 0), (block.WindowSize, block.Shift)));
    }

    [Fact]
    public void Call_PatchMergingOfOddSides_FillsUpWithZeros()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var merging = new PatchMerging(2, 3);
        var x = randn(1, 3, 5, 2);
        var whole = zeros(1, 4, 6, 2);
        whole.narrow(1, 0, 3).narrow(2, 0, 5).copy_(x);

        var squares = cat(Corners(whole), -1);
        var expected = merging.Reduction.call(merging.Norm.call(squares));

        Assert.Equal([1, 2, 3, 3], merging.call(x).shape);
        Assert.InRange(ModelFiles.MaxDifference(expected, merging.call(x)), 0, 1e-6);
        Assert.Null(merging.Reduction.bias);
    }

    [Fact]
    public void Call_EveryModule_IsReachedThroughCallAndLeavesOnlyItsResult()
    {
        using var model = Create(Uneven);
        using var images = rand(2, 3, 12, 12);
        var silent = model.named_modules().Where(m => m.module is nn.Module<Tensor, Tensor> or nn.Module<Tensor, Tensor, Tensor>).Select(m => m.name).ToHashSet();
        foreach (var (name, module) in model.named_modules())
        {
            switch (module)
            {
                case nn.Module<Tensor, Tensor> one:
                    one.register_forward_hook(_ => silent.Remove(name));
                    break;
                case nn.Module<Tensor, Tensor, Tensor> two:
                    two.register_forward_hook(_ => silent.Remove(name));
                    break;
            }
        }

        model.train();
        model.call(images).Dispose(); // makes the constants that the model keeps
        var logits = new List<Tensor>();
        Assert.Equal(3, LiveTensors.LeftBy(() => logits.AddRange(Enumerable.Range(0, 3).Select(_ => model.call(images)))));
        logits.ForEach(l => l.Dispose());
        Assert.Empty(silent);
    }

    [Fact]
    public void Dispose_Model_FreesItsParametersAndBuffers() => LiveTensors.AssertNoneLeftBy(() => Create(Uneven).Dispose());

    [Fact]
    public void Constructor_InsideADisposeScope_OutlivesIt()
    {
        SwinTransformer model;
        using (NewDisposeScope())
        {
            model = Create(Uneven);
        }

        using (model)
        {
            using var images = rand(1, 3, 12, 12);
            using var logits = model.call(images);
            Assert.Equal([1, 5], logits.shape);
        }
    }

    [Fact]
    public void Call_Backward_ReachesEveryParameter()
    {
        using var scope = NewDisposeScope();
        using var model = Create(Uneven with { DropPathRate = 0, DropoutRate = 0 });
        model.train();

        model.call(rand(2, 3, 12, 12)).square().sum().backward();

        foreach (var (name, parameter) in model.named_parameters())
        {
            Assert.True(parameter.grad is not null && parameter.grad.abs().sum().item<float>() > 0, $"{name} has no gradient");
        }
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-5)]
    [InlineData(ScalarType.BFloat16, 0.05)]
    public void Call_OtherType_GivesTheSameLogitsInThatType(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Create(Uneven);
        var images = rand(2, 3, 12, 12);
        var expected = model.call(images);
        var names = model.state_dict().Keys;

        model.to(type);
        var logits = model.call(images.to(type));

        Assert.Equal(type, logits.dtype);
        Assert.Equal(names, model.state_dict().Keys);
        Assert.InRange(ModelFiles.MaxDifference(expected, logits), 0, tolerance);
    }

    [Fact]
    public void Call_DropPathAndDropout_ActOnlyWhileTraining()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Create(Uneven);
        var images = rand(4, 3, 12, 12);

        model.train();
        Assert.NotEqual(0, ModelFiles.MaxDifference(model.call(images), model.call(images)));
        model.eval();
        Assert.Equal(0, ModelFiles.MaxDifference(model.call(images), model.call(images)));
        Assert.Equal([1 / 6d, 1 / 6d, 2 / 6d, 2 / 6d, 0.5, 0.5], model.modules().OfType<DropPath>().Select(drop => drop.Rate)); // the first block has none
    }

    public static TheoryData<SwinTransformerOptions, string> Broken => new()
    {
        { Uneven with { Depths = [] }, "Depths is []; allowed is: at least one layer, each of at least 1 block." },
        { Uneven with { Depths = [2, 0] }, "Depths is [2, 0]; allowed is: at least one layer, each of at least 1 block." },
        { Uneven with { HeadCounts = [2] }, "HeadCounts is [2]; allowed is: one number for each of the 2 layer(s) of Depths." },
        { Uneven with { HeadCounts = [2, 5] }, "HeadCounts[1] is 5; allowed is: a divisor of the layer's width (12)." },
        { Uneven with { WindowSize = 1 }, "WindowSize is 1; allowed is: at least 2." },
        { Uneven with { Depths = [1, 1, 1, 1], HeadCounts = [1, 1, 1, 1] }, "few enough layers that 6 patches a side can be halved before each but the first." },
        { Uneven with { ImageSize = 13 }, "ImageSize is 13; allowed is: a multiple of PatchSize (2)." },
        { Uneven with { EmbedDim = 0 }, "EmbedDim is 0; allowed is: at least 1, and small enough to be doubled at every layer." },
        { Uneven with { DropPathRate = 1 }, "DropPathRate is 1; allowed is: 0 to below 1." },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void Validate_OutOfRange_NamesOptionValueAndRange(SwinTransformerOptions options, string message)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new SwinTransformer(options));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static SwinTransformer Create(SwinTransformerOptions options)
    {
        var model = options.Create();
        model.eval();
        return model;
    }

    // The four tokens of each square in the order of the paper's code: rows first, then columns.
    private static Tensor[] Corners(Tensor x) =>
        [.. new[] { (0, 0), (1, 0), (0, 1), (1, 1) }.Select(at => x.slice(1, at.Item1, x.shape[1], 2).slice(2, at.Item2, x.shape[2], 2))];

    // A block token by token: who is in whose window, and who was its neighbour, from the coordinates alone.
    private static Tensor PlainBlock(SwinBlock block, Tensor x, int headCount)
    {
        var (side, width) = ((int)x.shape[1], (int)x.shape[3]);
        var (window, shift) = (block.WindowSize, block.Shift);
        var padded = (side + window - 1) / window * window;
        var head = width / headCount;
        var normal = block.Norm1.call(x);
        var table = block.Attn.RelativePositionBiasTable;
        var attended = zeros_like(x);

        // Where a place of the shifted, filled up image comes from; null for what was filled in.
        (int Row, int Column)? Origin(int row, int column) => row < side && column < side ? ((row + shift) % side, (column + shift) % side) : null;
        Tensor Token(int image, int row, int column) => Origin(row, column) is { } at ? normal[image, at.Row, at.Column] : zeros(width);

        // Left of the seam, between seam and border of the last window, and what was wrapped around.
        int Part(int at) => shift == 0 ? 0 : at < padded - window ? 0 : at < padded - shift ? 1 : 2;

        for (var image = 0; image < x.shape[0]; image++)
        {
            for (var row = 0; row < padded; row++)
            {
                for (var column = 0; column < padded; column++)
                {
                    if (Origin(row, column) is not { } target)
                    {
                        continue;
                    }

                    var query = block.Attn.Qkv.call(Token(image, row, column));
                    var (top, left) = (row / window * window, column / window * window);
                    var scores = new List<Tensor>();
                    var values = new List<Tensor>();
                    for (var r = top; r < top + window; r++)
                    {
                        for (var c = left; c < left + window; c++)
                        {
                            var other = block.Attn.Qkv.call(Token(image, r, c));
                            var bias = table[((row - r + window - 1) * ((2 * window) - 1)) + (column - c + window - 1)];
                            var apart = Part(row) == Part(r) && Part(column) == Part(c) ? 0 : -100;
                            scores.Add(((query.narrow(0, 0, width) * other.narrow(0, width, width)).reshape(headCount, head).sum(1) / Math.Sqrt(head)) + bias + apart);
                            values.Add(other.narrow(0, 2 * width, width).reshape(headCount, head));
                        }
                    }

                    var weights = nn.functional.softmax(stack(scores), 0); // [tokens, heads]
                    var mixed = (weights.unsqueeze(-1) * stack(values)).sum([0L]).reshape(width);
                    attended[image, target.Row, target.Column] = block.Attn.Proj.call(mixed);
                }
            }
        }

        var middle = x + attended;
        return middle + block.Mlp.call(block.Norm2.call(middle));
    }
}
