using System.Diagnostics;
using System.Globalization;
using ForeignDetector;
using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using static TorchSharp.torch;

// An ONNX file of DEIMv2, a folder with images and labels, and what is run: "check", or recipes with bits, such as isvit:4, and iterations for each unit and stage, such as isvit:4:100.
if (args.Length < 2)
{
    Console.Error.WriteLine("ForeignDetector MODEL.onnx FOLDER [check | RECIPE:BITS[:ITERATIONS]]...");
    return 1;
}

var (file, folder) = (args[0], args[1]);
var runs = args.Length > 2 ? args[2..] : ["check", "isvit:8", "isvit:6", "isvit:4"];
const int calibrationCount = 32;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
random.manual_seed(0);
using var scope = NewDisposeScope();

var weights = OnnxWeights.Read(file);
var images = DetectionImages.Read(folder, weights.ImageSize, 128);
var test = images.Skip(calibrationCount).ToList();

foreach (var run in runs)
{
    using var inner = NewDisposeScope();
    using var model = new DeimDetector(weights);
    if (run == "check")
    {
        Check(model);
    }
    else
    {
        var parts = run.Split(':');
        Quantize(model, parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture), parts.Length > 2 ? int.Parse(parts[2], CultureInfo.InvariantCulture) : 20);
    }
}

return 0;

void Check(DeimDetector model)
{
    using var noGrad = no_grad();
    using var reference = new OnnxReference(file);
    var (theirs, ours, error) = (new List<IReadOnlyList<FoundBox>>(), new List<IReadOnlyList<FoundBox>>(), (Logits: 0f, Boxes: 0f));
    foreach (var image in images)
    {
        using var inner = NewDisposeScope();
        var (logits, boxes, queries) = reference.Run(image.Pixels);

        // Of places that look equally much like objects either may come first.
        var pixels = image.Pixels.unsqueeze(0);
        var same = model.ForwardBatch(new SampleBatch(pixels, queries.unsqueeze(0)));
        error = (Math.Max(error.Logits, Largest(same[0].squeeze(0), logits)), Math.Max(error.Boxes, Largest(same[1].squeeze(0), boxes)));
        var given = model.ForwardBatch(new SampleBatch(pixels));
        theirs.Add(AveragePrecision.Select(logits, boxes, image));
        ours.Add(AveragePrecision.Select(given[0].squeeze(0), given[1].squeeze(0), image));
    }

    Console.WriteLine($"AP on {images.Count} images: {AveragePrecision.Of(images, theirs):F4} in ONNX Runtime, {AveragePrecision.Of(images, ours):F4} here; largest difference {error.Logits:g2} of logits, {error.Boxes:g2} of boxes");
    Console.WriteLine($"AP on the {test.Count} test images: {AveragePrecision.Of(test, ours[calibrationCount..]):F4} in float");
}

void Quantize(DeimDetector model, string recipe, int bits, int iterations)
{
    var clock = Stopwatch.StartNew();

    // snippet: quantize
    var samples = new InMemorySamples(images.Take(calibrationCount).Chunk(8).Select(batch => model.WithQueries(batch.Join())));
    var quantizer = ModelQuantizer.Create(o =>
    {
        (o.Recipe, o.WeightBits, o.ActivationBits) = (recipe, bits, bits);
        o.OutputMetric = OutputMetric.Values; // a class has a score of its own, and boxes are no classes
        (o.Reconstruction.Iterations, o.Reconstruction.BatchSize) = (iterations, 8);
    });
    using var quantized = quantizer.Quantize(ModelForward.Of(model), samples);
    // end

    var seconds = clock.Elapsed.TotalSeconds;
    var found = test.Select(image =>
    {
        using var inner = NewDisposeScope();
        var given = quantized.Predict(new SampleBatch(image.Pixels.unsqueeze(0)));
        return AveragePrecision.Select(given[0].squeeze(0), given[1].squeeze(0), image);
    }).ToList();
    var coverage = quantized.MeasureCoverage(new SampleBatch(images[0].Pixels.unsqueeze(0)), ProductSource.Operators);
    Console.WriteLine(
        $"{recipe} W{bits}A{bits}: AP {AveragePrecision.Of(test, found):F4} on {test.Count} images, in float {coverage.FloatShare:P2} of {coverage.MultiplyAccumulates / 1e6:F1} million multiply-accumulates, {seconds:F0} s");
    foreach (var product in coverage.Products.Where(static product => !product.IsQuantized))
    {
        Console.WriteLine($"  {product}");
    }
}

static float Largest(Tensor x, Tensor y) => x.Minus(y).abs().max().item<float>();
