using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Reports;

public sealed class ReportRecorderTests
{
    private const int Shown = 24;

    [Fact]
    public void Measure_Sites_AreWhatQuantizersReadAndMake()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        using var quantized = Quantize(model, images);
        var report = Measure(quantized, images, recorder: null);

        const string Id = "blocks.1.attn.av:left";
        var binding = quantized.Attachment.Find(Id)!;
        var read = default(Tensor);
        binding.Reader = x => read = x.clone().DetachFromDisposeScope();
        Micro.Call(model, images.narrow(0, 0, Shown));
        binding.Reader = null;
        using var noGrad = no_grad();
        var made = binding.Quantizer.FakeQuantize(read!);
        var (levels, _, counts) = made.unique(return_counts: true);
        var site = report.Sites.Single(static site => site.Site == Id);

        Assert.Equal(quantized.Attachment.Bindings.Select(static known => known.Site.Id), report.Sites.Select(static known => known.Site));
        Assert.Equal(("PostSoftmax", binding.Quantizer.Scheme, 3, "tensor"), (site.Role, site.Scheme, site.Bits, site.Granularity));
        Assert.Equal((read!.min().item<float>(), read.max().item<float>()), ((float)site.Minimum, (float)site.Maximum));
        Assert.Equal(read.numel(), site.Histogram.Sum());
        Assert.Equal(levels.data<float>().Select(static level => (double)level), site.Levels);
        Assert.Equal(counts!.data<long>().Select(count => (double)count / read.numel()), site.LevelShares, new Closeness(1e-9));
        Assert.Equal((made - read).pow(2).sum().item<float>() / read.pow(2).sum().item<float>(), site.RelativeError!.Value, 1e-4 * site.RelativeError.Value);

        // By hand: the numbers of one interval.
        var width = (site.Maximum - site.Minimum) / site.Histogram.Count;
        var third = read.to(float64).sub(site.Minimum).div(width).floor().eq(2).sum().item<long>();
        Assert.Equal(third, site.Histogram[2]);
    }

    [Fact]
    public void Measure_Clipping_IsWhatLiesBeyondTheOutermostLevels()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        using var quantized = Quantize(model, images);
        const string Id = "blocks.0.mlp.fc2:input";
        var binding = quantized.Attachment.Find(Id)!;
        var read = default(Tensor);
        binding.Reader = x => read = x.clone().DetachFromDisposeScope();
        Micro.Call(model, images.narrow(0, 0, Shown));
        binding.Reader = null;

        var site = Measure(quantized, images, recorder: null).Sites.Single(static site => site.Site == Id);

        var high = site.Levels[^1] + ((site.Levels[^1] - site.Levels[^2]) / 2);
        var low = site.Levels[0] - ((site.Levels[1] - site.Levels[0]) / 2);
        var expected = read!.data<float>().Count(number => number > high || number < low) / (double)read!.numel();
        Assert.True(expected > 0);
        Assert.Equal(expected, site.ClippedShare!.Value, 1e-9);
    }

    [Fact]
    public void Measure_Units_AreErrorsAgainstTheFloatModel()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var shown = images.narrow(0, 0, Shown);
        var wanted = OutputOf(model, shown);
        using var samples = Samples(images);
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { SampleCount = Shown });
        using var quantized = Quantize(model, images, new() { Progress = recorder });
        var found = OutputOf(model, shown);

        var report = recorder.Measure(quantized);

        var expected = ((found - wanted).pow(2).mean() / wanted.var(unbiased: false)).item<double>();
        var unit = report.Units.Single(static unit => unit.Unit == "blocks.1");

        // Products of other batches, on other threads, round otherwise, and a number between two levels may fall to either.
        Assert.Equal(expected, unit.RelativeError, 2e-3 * expected);
        Assert.Equal(quantized.Attachment.Graph.Units.Select(static known => known.Path), report.Units.Select(static known => known.Unit));

        var training = report.Trainings.Single(static training => training is { Unit: "blocks.1", Stage: StageNames.ActivationReconstruction });
        Assert.Equal(6, training.Losses.Count);
        Assert.All(training.Losses, static loss => Assert.True(loss > 0));
        Assert.Equal(quantized.Report!.Stages.Select(static stage => stage.Name), report.Stages.Select(static stage => stage.Name));

        static Tensor OutputOf(VisionTransformer model, Tensor images)
        {
            var output = default(Tensor);
            var hook = model.Blocks[1].register_forward_hook((_, _, y) =>
            {
                output = y.to(float64).DetachFromDisposeScope();
                return y;
            });
            Micro.Call(model, images);
            hook.remove();
            return output!;
        }
    }

    [Fact]
    public void Measure_Images_AreThoseWhoseAnswerChangedFirst()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        var shown = images.narrow(0, 0, Shown);
        var wanted = Micro.Call(model, shown).argmax(1).data<long>().ToArray();
        using var samples = Samples(images);
        string[] names = [.. Enumerable.Range(0, 10).Select(static i => $"class {i}")];
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples, new() { SampleCount = Shown, ImageCount = Shown, ClassNames = names });
        using var quantized = Quantize(model, images);
        var probabilities = nn.functional.softmax(Micro.Call(model, shown), 1);
        var found = probabilities.argmax(1).data<long>().ToArray();

        var report = recorder.Measure(quantized);

        int[] changed = [.. Enumerable.Range(0, Shown).Where(i => wanted[i] != found[i])];
        Assert.NotEmpty(changed);
        Assert.Equal(Enumerable.Range(0, Shown).OrderBy(i => wanted[i] == found[i]), report.Images.Select(static image => image.Index));
        var first = report.Images[0];
        Assert.Equal(($"class {wanted[first.Index]}", $"class {found[first.Index]}"), (first.FloatClass, first.QuantizedClass));
        Assert.Equal(probabilities[first.Index, found[first.Index]].item<float>(), first.QuantizedProbability, 1e-5);
        using var picture = SKBitmap.Decode(first.Picture);
        using var attention = SKBitmap.Decode(first.QuantizedAttention);
        Assert.Equal((32, 32, 4, 4), (picture.Width, picture.Height, attention.Width, attention.Height));
        Assert.Equal(255, Enumerable.Range(0, 16).Max(i => attention.GetPixel(i % 4, i / 4).Red));
        Assert.NotEqual(first.FloatAttention!, first.QuantizedAttention!);
    }

    [Fact]
    public void Measure_Models_AreLeftAsTheyWere()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        using var samples = Samples(images);
        var (parameters, before) = (Micro.Copy(model), Micro.Call(model, images));
        using var recorder = new ReportRecorder(ModelForward.Of(model), samples);
        Micro.AssertUntouched(model, parameters, images, before);
        using var quantized = Quantize(model, images);
        var after = Micro.Call(model, images);

        recorder.Measure(quantized);

        TensorAssert.Identical(after, Micro.Call(model, images));
        Assert.All(quantized.Attachment.Bindings, static binding => Assert.Null(binding.Reader));
    }

    [Fact]
    public void Constructor_OptionOutOfRange_NamesIt()
    {
        using var samples = Samples(Micro.Images(count: 2));

        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new ReportRecorder(null, samples, new() { HistogramBins = 1 }));

        Assert.Contains("ReportOptions.HistogramBins is 1; expected 2 or more.", error.Message, StringComparison.Ordinal);
    }

    // A few stages, for what all of them make takes longer and looks no different.
    internal static QuantizedModel Quantize(VisionTransformer model, Tensor images, QuantizationRun? run = null) =>
        Micro.Quantizer([StageNames.ActivationCalibration, StageNames.ActivationReconstruction, StageNames.WeightCalibration], [], static options => (options.Recipe, options.WeightBits, options.ActivationBits) = (RecipeNames.RepQ, 3, 3)).Run(model, images, run);

    internal static InMemorySamples Samples(Tensor images) => new([.. images.split(10)]);

    internal static ModelReport Measure(QuantizedModel quantized, Tensor images, ReportRecorder? recorder)
    {
        using var samples = Samples(images);
        using var own = recorder ?? new ReportRecorder(null, samples, new() { SampleCount = Shown });
        return own.Measure(quantized);
    }

    private sealed class Closeness(double most) : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) <= most;

        public int GetHashCode(double number) => 0;
    }
}
