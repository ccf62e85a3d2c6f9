using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Optimization;

var preset = ModelCatalog.Find("deit_tiny_patch16_224");
using var model = preset.Create();
StateDict.Load(model, args[0]); // a .safetensors file with timm's names
var images = ImageFolder.Read(args[1]).Shuffle(seed: 0).Take(256); // no labels needed
using var calibration = new ImageFileSource(images, preset.Preprocessing).LoadAll();

var quantizer = ModelQuantizer.Create(o => (o.WeightBits, o.ActivationBits, o.Reconstruction.Iterations) = (4, 4, 100));
using var quantized = quantizer.Quantize(model, calibration.Pixels);
quantized.Save("deit_tiny_w4a4.safetensors");
