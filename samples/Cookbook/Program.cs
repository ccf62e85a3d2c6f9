using Cookbook;
using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Core.Samples;
using IsVit.Optimization;
using TorchSharp;
using static TorchSharp.torch;

// The demonstration's files: weights of a small ViT, and images.
var assets = args.Length > 0 ? args[0] : "IsVit.Tool/Demo/Assets";
using var file = SafetensorsFile.Open(Path.Combine(assets, "fashion_mnist_subset.safetensors"));
using var calibration = Normalize(file.Read("calibration_images")).narrow(0, 0, 128);
using var test = Normalize(file.Read("test_images"));
using var labels = file.Read("test_labels").to(int64);
using var colours = calibration.expand(-1, 3, -1, -1);
using var testColours = test.narrow(0, 0, 500).expand(-1, 3, -1, -1);

Compare("ViT, attention in functions, trained", () => Trained(hookable: false), calibration, test, new TraceOptions());
Compare("ViT, attention in modules, trained", () => Trained(hookable: true), calibration, test, new TraceOptions());
Compare("TransformerEncoder ignored, random weights", () => new EncoderViT(), calibration, test, IgnoreEncoder());
Compare("TransformerEncoder of modules, random weights", () => new HookableEncoderViT(new EncoderViT()), calibration, test, new TraceOptions());
Compare("ResNet-18, random weights", () => ResNet(colours), colours, testColours, new TraceOptions());
Detect(calibration, test.narrow(0, 0, 500));

static void Detect(Tensor images, Tensor unseen)
{
    using var scope = NewDisposeScope();
    random.manual_seed(0);
    using var model = new Detector();
    model.eval();

    // snippet: several
    // A tensor for each input, the samples along its first axis. Any enumerable of batches will do.
    var samples = new InMemorySamples(images.split(32).Select(batch => new SampleBatch(batch, full([batch.shape[0], 2], 28f))));

    // What goes in and out is what the module takes and gives: (images, sizes) to (scores, boxes).
    var forward = ModelForward.Of(model);
    using var quantized = ModelQuantizer.Create(o => o.Reconstruction.Iterations = 100).Quantize(forward, samples);
    var found = quantized.Predict(new SampleBatch(unseen, full([unseen.shape[0], 2], 28f)));
    Console.WriteLine($"scores [{string.Join(", ", found[0].shape)}], boxes [{string.Join(", ", found[1].shape)}]");
    // end

    Console.WriteLine($"  in float: {quantized.MeasureCoverage(samples.Batches[0].Slice(0, 1), ProductSource.Operators).FloatShare:P1}");
}

void Compare(string name, Func<nn.Module<Tensor, Tensor>> create, Tensor images, Tensor unseen, TraceOptions trace)
{
    Console.WriteLine(name);
    foreach (var bits in new[] { 8, 4 })
    {
        using var scope = NewDisposeScope();
        random.manual_seed(0);
        using var model = create();
        model.eval();
        var wanted = Call(model, unseen);

        // snippet: quantize
        var quantizer = ModelQuantizer.Create(o =>
        {
            o.WeightBits = o.ActivationBits = bits;
            o.Reconstruction.Iterations = 100;
        });
        using var quantized = quantizer.Quantize(model, images, new QuantizationRun { Trace = trace });
        var coverage = quantized.MeasureCoverage(images.narrow(0, 0, 1), ProductSource.Operators);
        Console.WriteLine($"  in float: {coverage.FloatShare:P1} of {coverage.MultiplyAccumulates / 1e6:F2} million multiply-accumulates");
        foreach (var product in coverage.Products.Where(product => !product.IsQuantized))
        {
            Console.WriteLine($"    {product}");
        }
        // end

        var given = quantized.Predict(unseen);
        var accuracy = name.EndsWith("trained", StringComparison.Ordinal) ? $", top-1 {Accuracy(wanted):F2} % in float, {Accuracy(given):F2} % quantized" : "";
        Console.WriteLine($"  W{bits}A{bits}: {(given - wanted).square().sum().sqrt().item<float>() / wanted.square().sum().sqrt().item<float>():P1} output error{accuracy}");
    }
}

FunctionalViT Trained(bool hookable)
{
    var model = new FunctionalViT(hookable);
    StateDict.Load(model, Path.Combine(assets, "vit_fashion.safetensors"));
    return model;
}

static TraceOptions IgnoreEncoder()
{
    // snippet: ignore
    var trace = new TraceOptions { Ignore = ["encoder"] };
    // end
    return trace;
}

static nn.Module<Tensor, Tensor> ResNet(Tensor images)
{
    // snippet: convolutions
    var network = torchvision.models.resnet18(num_classes: 10);
    // end

    // An untrained network's batch normalisations know no statistics yet.
    network.train();
    for (var i = 0; i < 30; i++)
    {
        Call(network, images).Dispose();
    }

    return network;
}

static Tensor Call(nn.Module<Tensor, Tensor> model, Tensor images)
{
    using var noGrad = no_grad();
    using var scope = NewDisposeScope();
    return model.call(images).MoveToOuterDisposeScope();
}

double Accuracy(Tensor logits) => 100 * logits.argmax(1).eq(labels).to(float64).mean().item<double>();

static Tensor Normalize(Tensor pixels)
{
    using (pixels)
    {
        return ((pixels.to(float32) / 255) - 0.2860).div(0.3530).unsqueeze(1);
    }
}
