using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Model.Quantization;
using IsVit.Model.Statistics;
using IsVit.Model.Saved;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Graph;
using IsVit.Tests.Models;
using IsVit.Tests.TestSupport;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Drift;

public sealed class DriftTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(8)]
    [InlineData(32)]
    [InlineData(200)]
    public void Compare_OtherImagesOfTheSameKind_HaveNotDrifted(int count)
    {
        using var scope = NewDisposeScope();
        using var fashion = new Fashion(128);
        for (var number = 0; number < 6; number++)
        {
            var report = fashion.Quantized.CompareWithCalibration(Fashion.Normalised(fashion.Test(number, count)), cancellationToken: TestContext.Current.CancellationToken);

            output.WriteLine($"{count} images, {number}: {report.Sites[0].Excess:F2} at {report.Sites[0].Site.Id}");
            Assert.False(report.HasDrifted, report.Sites[0].ToString());
            Assert.Empty(report.DriftedSites);
            Assert.Equal((count, 128), (report.ImageCount, report.CalibrationImageCount));
        }
    }

    [Theory]
    [InlineData("inverted")]
    [InlineData("dark")]
    [InlineData("noise")]
    public void Compare_OtherKindsOfImages_DriftedWithTheSitesNamed(string kind)
    {
        using var scope = NewDisposeScope();
        using var fashion = new Fashion(128);
        var logger = new RecordingLogger<DriftTests>();
        var pixels = fashion.Test(1, 64);
        var changed = kind switch
        {
            "inverted" => 1 - pixels,
            "dark" => pixels * 0.3,
            _ => Seeded.Uniform(3, pixels.shape),
        };

        var report = fashion.Quantized.CompareWithCalibration(Fashion.Normalised(changed), logger, TestContext.Current.CancellationToken);

        output.WriteLine($"{kind}: {report.DriftedSites.Count()} of {report.Sites.Count}: {string.Join(", ", report.Sites.Take(5).Select(static s => $"{s.Site.Id} {s.Shift:F3}/{s.ShiftLimit:F3} {s.ClippedChange:F4}/{s.ClippedLimit:F4}"))}");
        Assert.True(report.HasDrifted);
        Assert.Contains(report.DriftedSites, static site => site.Site.Path.StartsWith("blocks.0.", StringComparison.Ordinal));
        Assert.Equal(report.Sites.OrderByDescending(static site => site.Excess), report.Sites);
        Assert.All(report.Sites, static site => Assert.InRange(site.Shift, 0, 1));
        var warning = Assert.Single(logger.Events);
        Assert.Equal((LogLevel.Warning, report.DriftedSites.Count()), (warning.Level, (int)warning.Values["DriftedCount"]!));
        Assert.Contains(report.Sites[0].Site.Id, warning.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_RealWeights_PhotographsHaveNotDriftedAndNoiseHas()
    {
        using var scope = NewDisposeScope();
        using var model = DeitTiny.Load();
        var preprocessing = ModelCatalog.Find("deit_tiny_patch16_224").Preprocessing;
        using var photographs = new ImageFileSource(ImageFolder.Read(SharedData.CalibrationImages).Shuffle(0).Take(48), preprocessing).LoadAll(TestContext.Current.CancellationToken);
        using var quantized = ModelQuantizer.Create(static options => options.Recipe = RecipeNames.MinMax).Run(model, photographs.Pixels.narrow(0, 0, 32));

        var same = quantized.CompareWithCalibration(photographs.Pixels.narrow(0, 32, 16), cancellationToken: TestContext.Current.CancellationToken);
        var noise = quantized.CompareWithCalibration(Seeded.Normal(5, 16, 3, 224, 224), cancellationToken: TestContext.Current.CancellationToken);

        output.WriteLine($"photographs {same.Sites[0].Excess:F2}, noise {noise.Sites[0].Excess:F2} at {noise.Sites[0].Site.Id}, {noise.DriftedSites.Count()} of {noise.Sites.Count}");
        Assert.False(same.HasDrifted, same.Sites[0].ToString());
        Assert.InRange(noise.DriftedSites.Count(), noise.Sites.Count / 3, noise.Sites.Count);
        Assert.Contains(noise.DriftedSites, static site => site.Site.Id == "blocks.3.attn.qkv:input");
    }

    [Fact]
    public void Statistics_FirstSite_AreThoseOfADirectComputation()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.Percentile).Run(model, images);
        var seen = new List<Tensor>();
        var hook = model.Blocks[0].Norm1.register_forward_hook((_, _, y) =>
        {
            seen.Add(y.detach().clone().DetachFromDisposeScope());
            return null!;
        });
        quantized.Predict(images);
        hook.remove();

        var read = Assert.Single(seen).to(float64);
        var site = Assert.Single(quantized.CalibrationStatistics!.Sites, static site => site.Site.Id == "blocks.0.attn.qkv:input");
        var parameters = quantized.Attachment.Find(site.Site.Id)!.Quantizer.ExportParameters();
        var positions = (read / parameters.Values["scale"][0]).round() + parameters.Values["zero_point"][0];

        Assert.Equal(40, quantized.CalibrationStatistics.ImageCount);
        Assert.Equal(Share(positions < 0), site.Activations.ClippedLow, 5);
        Assert.Equal(Share(positions > 15), site.Activations.ClippedHigh, 5);
        Assert.True(site.Activations.ClippedHigh > 0);
        Assert.Equal(read.mean().item<double>(), site.Activations.Mean, 5);
        Assert.Equal(read.std(unbiased: false).item<double>(), site.Activations.StandardDeviation, 5);
        for (var code = 0; code < 16; code++)
        {
            Assert.Equal(Share(positions.clamp(0, 15) == code), site.Activations.CodeShares[code], 5);
        }

        static double Share(Tensor which) => which.to(float64).mean().item<double>();
    }

    [Theory]
    [InlineData(RecipeNames.Percentile, 40, true)]
    [InlineData(RecipeNames.Percentile, 15, false)]
    [InlineData(RecipeNames.WeightOnly, 40, false)]
    public void Statistics_AfterARun_OfActivationSitesWhereThereAreEnoughImages(string recipe, int images, bool has)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer(options => (options.Recipe, options.Reconstruction.Iterations) = (recipe, 1)).Run(model, Micro.Images(count: images));

        var expected = !has ? null : quantized.Attachment.Bindings.Where(static binding => !binding.IsWeight).Select(static binding => binding.Site).ToList();
        Assert.Equal(expected, quantized.CalibrationStatistics?.Sites.Select(static site => site.Site));
        if (expected is null)
        {
            var error = Assert.Throws<QuantizationException>(() => quantized.CompareWithCalibration(Micro.Images(), cancellationToken: TestContext.Current.CancellationToken));
            Assert.Contains("no calibration statistics", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_FileWithStatistics_BringsThemBackBitForBit()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var fresh = Micro.Vit(50);
        using var quantized = Micro.Quantizer(static options =>
        {
            options.Recipe = RecipeNames.Percentile;
            options.Overrides = [new() { Pattern = "blocks.1.**", Bits = 6 }];
        }).Run(model, Micro.Images());
        quantized.Save(folder["model.safetensors"]);

        using var loaded = QuantizedModel.Load(folder["model.safetensors"], fresh);
        loaded.Save(folder["again.safetensors"]);

        Assert.Equal(Numbers(quantized.CalibrationStatistics!), Numbers(loaded.CalibrationStatistics!));
        using (var saved = SavedModel.Open(folder["model.safetensors"]))
        {
            Assert.Equal(Numbers(quantized.CalibrationStatistics!), Numbers(saved.Statistics!));
        }

        Assert.Equal(File.ReadAllBytes(folder["model.safetensors"]), File.ReadAllBytes(folder["again.safetensors"]));
        var (one, other) = (quantized.CompareWithCalibration(Micro.Images(9) * 2), loaded.CompareWithCalibration(Micro.Images(9) * 2));
        Assert.Equal(one.Sites.Select(static site => (site.Site, site.Shift, site.ShiftLimit)), other.Sites.Select(static site => (site.Site, site.Shift, site.ShiftLimit)));

        static IEnumerable<object> Numbers(CalibrationStatistics statistics) =>
        [
            statistics.ImageCount,
            .. statistics.Sites.SelectMany(static site => (IEnumerable<object>)
            [
                site.Site, site.ShiftNoise, site.ClippedNoise, site.Activations.Mean, site.Activations.StandardDeviation, site.Activations.ClippedLow, site.Activations.ClippedHigh,
                .. site.Activations.CodeShares.Cast<object>(),
            ]),
        ];
    }

    [Fact]
    public void Load_FileWithoutStatistics_ComparesNothingAndSaysWhy()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Micro.Vit();
        using var fresh = Micro.Vit(50);
        using var quantized = Micro.Quantizer(static options => options.Recipe = RecipeNames.Percentile).Run(model, Micro.Images());
        using var bare = new QuantizedModel(quantized.Attachment, null, null);
        bare.Save(folder["old.safetensors"]);

        using var loaded = QuantizedModel.Load(folder["old.safetensors"], fresh);
        var error = Assert.Throws<QuantizationException>(() => loaded.CompareWithCalibration(Micro.Images(), cancellationToken: TestContext.Current.CancellationToken));

        Assert.DoesNotContain("statistics", File.ReadAllText(folder["old.safetensors"]), StringComparison.Ordinal);
        Assert.Null(loaded.CalibrationStatistics);
        using (var saved = SavedModel.Open(folder["old.safetensors"]))
        {
            Assert.Null(saved.Statistics);
        }

        Assert.Contains("no calibration statistics to compare with", error.Message, StringComparison.Ordinal);
        Assert.Contains("Quantize it anew", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_WrongImages_SaysWhatIsWrong()
    {
        using var scope = NewDisposeScope();
        using var fashion = new Fashion();
        var images = Fashion.Normalised(fashion.Test(0, 8));
        var broken = images.clone();
        broken[3, 0, 0, 0] = float.NaN;

        var few = Assert.Throws<QuantizationException>(() => fashion.Quantized.CompareWithCalibration(images.narrow(0, 0, 7), cancellationToken: TestContext.Current.CancellationToken));
        var nan = Assert.Throws<QuantizationException>(() => fashion.Quantized.CompareWithCalibration(broken, cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("[7, 1, 28, 28]; expected [images, ...] with at least 8 images", few.Message, StringComparison.Ordinal);
        Assert.StartsWith("Image 3 holds a NaN", nan.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_ThatFailsOrEnds_LeavesTheModelAsItWas()
    {
        using var scope = NewDisposeScope();
        using var fashion = new Fashion();
        var images = Fashion.Normalised(fashion.Test(0, 8));
        var hooks = Hooks.Of(fashion.Model);
        var before = fashion.Quantized.Predict(images);
        fashion.Model.train();
        using var source = new CancellationTokenSource();
        source.Cancel();
        var hook = ((VisionTransformer)fashion.Model).Blocks[1].register_forward_hook(static (_, _, _) => throw new InvalidOperationException("stop"));
        Assert.Throws<InvalidOperationException>(() => fashion.Quantized.CompareWithCalibration(images, cancellationToken: TestContext.Current.CancellationToken));
        hook.remove();

        Assert.Throws<OperationCanceledException>(() => fashion.Quantized.CompareWithCalibration(images, cancellationToken: source.Token));
        LiveTensors.AssertNoneLeftBy(() => fashion.Quantized.CompareWithCalibration(images, cancellationToken: TestContext.Current.CancellationToken));

        Assert.True(fashion.Model.training);
        Assert.Equal(hooks, Hooks.Of(fashion.Model));
        Assert.All(fashion.Quantized.Attachment.Bindings, static binding => Assert.Null(binding.Reader));
        TensorAssert.Identical(before, fashion.Quantized.Predict(images));
    }
}
