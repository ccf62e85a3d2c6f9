using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Onnx;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using Microsoft.ML.OnnxRuntime;

var preset = ModelCatalog.Find("deit_tiny_patch16_224");
using var model = preset.Create();
StateDict.Load(model, args[0]); // a .safetensors file with timm's names
var images = ImageFolder.Read(args[1]).Shuffle(seed: 0).Take(256);
using var calibration = new ImageFileSource(images, preset.Preprocessing).LoadAll();

// snippet: export
var quantizer = ModelQuantizer.Create(o => o.Use(QuantizationPresets.W4A8)); // weights of 4 bits, on integer kernels
using var quantized = quantizer.Quantize(model, calibration.Pixels);
OnnxExport.Save(quantized, "deit_tiny_w4a8.onnx", new() { Preprocessing = preset.Preprocessing });

using var session = new InferenceSession("deit_tiny_w4a8.onnx");
using var image = OrtValue.CreateTensorValueFromMemory(calibration.Pixels[..1].data<float>().ToArray(), [1, 3, 224, 224]);
using var run = new RunOptions();
using var outputs = session.Run(run, ["images"], [image], ["logits"]);
Console.WriteLine($"class {outputs[0].GetTensorDataAsSpan<float>().ToArray().Index().MaxBy(entry => entry.Item).Index}");
// end
