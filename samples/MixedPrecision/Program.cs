using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Optimization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;

var preset = ModelCatalog.Find("deit_tiny_patch16_224");
using var model = preset.Create();
StateDict.Load(model, args[0]); // a .safetensors file with timm's names
var images = ImageFolder.Read(args[1]).Shuffle(seed: 0).Take(256);
using var calibration = new ImageFileSource(images, preset.Preprocessing).LoadAll();

// snippet: allocate
var options = new Action<QuantizationOptions>(o => o.Overrides = [new() { Pattern = "head", Bits = 8 }]); // what is pinned stays
var report = ModelQuantizer.Create(options).MeasureSensitivity(model, calibration.Pixels);
var allocation = BitAllocation.Choose(report, BitBudget.MeanBits(4), new() { Minimum = 3 });

using var quantized = ModelQuantizer.Create(o =>
{
    options(o);
    o.Overrides = [.. o.Overrides, .. allocation.Overrides];
}).Quantize(model, calibration.Pixels);
// end
Console.WriteLine($"weights {allocation.MeanWeightBits:F2} bits, activations {allocation.MeanActivationBits:F2}, {allocation.WeightBytes / 1e6:F2} MB");
