using System.Globalization;
using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Reporting;
using TorchSharp;

namespace IsVit.Tests.Programs.Tool;

public sealed class ClassifyTests
{
    private const string Demo = ModelCatalog.Demo;

    [Theory]
    [InlineData("classify")]
    [InlineData("detect")]
    public async Task Images_OptionThatDoesNotExist_IsNamed(string command)
    {
        var run = await ToolRun.Of(command, "one.png", "--onnx", "model.onnx");

        run.AssertRefused("'--onnx' is no option of this command, and no image: a file of that name is written ./--onnx.");
    }

    [Fact]
    public async Task Classify_FloatWeights_AnswersWhatTheModelComputes()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 3);
        var image = Path.Combine(folder["images"], "001.png");

        var run = await ToolRun.Of("classify", image, folder["images"], "--model", Demo, "--weights", folder["weights.safetensors"], "--top", "3", "--predictions", folder["out.csv"]);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        var lines = File.ReadAllLines(folder["out.csv"]);
        Assert.Equal("file,rank,class,name,probability", lines[0]);
        Assert.Equal(1 + (4 * 3), lines.Length);
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var model = ModelCatalog.Create(Demo);
        StateDict.Load(model, folder["weights.safetensors"]);
        model.eval();
        using var batch = new ImageFileSource(new ImageList([new ImageItem(image)]), ModelCatalog.Find(Demo).Preprocessing).ReadBatches(1, TestContext.Current.CancellationToken).Single();
        var (values, indices) = model.call(batch.Pixels).softmax(1).topk(3);
        for (var rank = 0; rank < 3; rank++)
        {
            // The same image is the first that was given and the second of the folder.
            Assert.Equal(lines[1 + rank], lines[7 + rank]);
            var cells = lines[1 + rank].Split(',');
            var index = (int)indices[0, rank].item<long>();
            Assert.Equal([image, (rank + 1).ToString(CultureInfo.InvariantCulture), index.ToString(CultureInfo.InvariantCulture)], cells[..3]);
            Assert.Equal(values[0, rank].item<float>(), double.Parse(cells[4], CultureInfo.InvariantCulture), 1e-5);
            Assert.Contains($"| {cells[3]} ", run.Output, StringComparison.Ordinal);
        }

        Assert.Contains($"saved {folder["out.csv"]}: 12 answers\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Classify_QuantizedModel_BesideTheFloatModel_AndAsAGraph()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        Assert.Equal(0, (await ToolRun.Of(FashionFolder.Quantize(folder, "--method", "minmax", "--weight-bits", "8", "--activation-bits", "8", "--output", folder["out"]))).ExitCode);
        var saved = folder["out/quantized.safetensors"];
        await ToolRun.Of("export", "--quantized", saved, "--output", folder["model.onnx"]);
        string[] weights = ["--weights", folder["weights.safetensors"]];

        var quantized = await ToolRun.Of(["classify", folder["images"], "--quantized", saved, .. weights, "--top", "1", "--predictions", folder["quantized.csv"]]);
        var graph = await ToolRun.Of(["classify", folder["images"], "--quantized", folder["model.onnx"], .. weights, "--top", "1", "--predictions", folder["onnx.csv"]]);
        var alone = await ToolRun.Of(["classify", folder["images"], "--model", Demo, .. weights, "--top", "10", "--predictions", folder["float.csv"]]);

        Assert.Equal((0, 0, 0), (quantized.ExitCode, graph.ExitCode, alone.ExitCode));
        Assert.Contains("float %", quantized.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("float %", alone.Output, StringComparison.Ordinal);
        var (one, other, reference) = (Read(folder["quantized.csv"]), Read(folder["onnx.csv"]), Read(folder["float.csv"]));
        Assert.Equal(4, one.Count);
        for (var i = 0; i < one.Count; i++)
        {
            Assert.Equal(one[i][..4], other[i][..4]);
            Assert.Equal(Number(one[i][4]), Number(other[i][4]), 0.01);
            var same = reference.Single(cells => cells[0] == one[i][0] && cells[2] == one[i][2]);
            Assert.Equal(Number(same[4]), Number(one[i][5]), 1e-5);
            Assert.Equal(Number(same[4]), Number(one[i][4]), 0.1);
        }
    }

    [Fact]
    public async Task Classify_ClassNames_AreKnownOrThoseOfAFile()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 1);
        File.WriteAllLines(folder["names.txt"], Enumerable.Range(0, 10).Select(static i => FormattableString.Invariant($"kind {i}, own")));
        string[] fashion = ["classify", folder["images"], "--model", Demo, "--weights", folder["weights.safetensors"], "--top", "10"];

        var known = await ToolRun.Of(fashion);
        var own = await ToolRun.Of([.. fashion, "--class-names", folder["names.txt"], "--predictions", folder["own.csv"]]);
        File.AppendAllText(folder["names.txt"], "one more\n");
        var wrong = await ToolRun.Of([.. fashion, "--class-names", folder["names.txt"]]);

        Assert.Matches(@"\| +8 \| Bag +\|", known.Output);
        Assert.Matches(@"\| +8 \| kind 8, own +\|", own.Output);
        Assert.Contains(",\"kind 8, own\",0.", File.ReadAllText(folder["own.csv"]), StringComparison.Ordinal);
        wrong.AssertRefused("names.txt: has 11 lines; expected one for each of the model's 10 classes.");
    }

    [Fact]
    public void Text_NamesWithCommasAndQuotes_AreQuoted() => Assert.Equal(
        "file,rank,class,name,probability,float_probability\n\"a,b.png\",1,1,\"a \"\"b\"\"\",0.750000,0.500000\n",
        PredictionCsv.Text([new Prediction("a,b.png", 1, 1, 0.75, 0.5)], ["none", "a \"b\""]));

    [Fact]
    public async Task Classify_WrongArguments_AreNamed()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 1);
        var image = Path.Combine(folder["images"], "000.png");
        string[] model = ["--model", Demo, "--weights", folder["weights.safetensors"]];

        (await ToolRun.Of("classify", image)).AssertRefused("there is no model to ask; give --quantized, or --weights");
        (await ToolRun.Of("classify", image, "--quantized", "q", "--model", Demo)).AssertRefused("leave out --model");
        (await ToolRun.Of(["classify", image, .. model, "--predictions", folder["absent/out.csv"]])).AssertRefused("absent: no such folder, so out.csv cannot be written there.");
        (await ToolRun.Of(["classify", image, .. model, "--predictions", folder["images"]])).AssertRefused("is a folder; --predictions names a file.");
        (await ToolRun.Of(["classify", folder["absent.png"], .. model])).AssertRefused("absent.png");
        (await ToolRun.Of("classify", image, "--model", "swin_micro_mask_rcnn", "--weights", folder["weights.safetensors"])).AssertRefused("is a detector");
        (await ToolRun.Of("classify")).AssertRefused("Required argument 'IMAGE' missing for command: 'classify'");
    }

    private static List<string[]> Read(string path) => [.. File.ReadLines(path).Skip(1).Select(static line => line.Split(','))];

    private static double Number(string cell) => double.Parse(cell, CultureInfo.InvariantCulture);
}
