using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Optimization;

var preset = ModelCatalog.Find("deit_tiny_patch16_224");
using var model = preset.Create();
StateDict.Load(model, args[0]);

var images = ImageFolder.Read(args[1]).Shuffle(seed: 0).Take(256);
using var calibration = new ImageFileSource(images, preset.Preprocessing).LoadAll();

var quantizer = ModelQuantizer.Create(o =>
{
    o.WeightBits = 4;
    o.ActivationBits = 4;
    o.Reconstruction.Iterations = 100; // the paper's 1000 take ten times as long
});
using var quantized = quantizer.Quantize(model, calibration.Pixels);
quantized.Save("deit_tiny_w4a4.safetensors");

using var logits = quantized.Predict(calibration.Pixels);
Console.WriteLine($"{logits.shape[0]} images, {quantized.Report!.Duration.TotalSeconds:f0} s");
