using IsVit.Core.Models;
using IsVit.Model;
using IsVit.Onnx;
using IsVit.Onnx.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>Exported models in versions of ONNX Runtime down to the lowest that docs/onnx.md promises.</summary>
public sealed class OlderRuntimeTests(OlderRuntimeTests.ExportedModels exported) : IClassFixture<OlderRuntimeTests.ExportedModels>
{
    /// <summary>Files with weights in every form run, and give what the current version gives.</summary>
    [Theory]
    [InlineData("onnxruntime-node", "1.17.0")]
    [InlineData("onnxruntime-web", "1.18.0")]
    [InlineData("onnxruntime-web", "1.22.0")]
    public void Save_ExactKernels_SameLogitsInOlderVersions(string package, string version)
    {
        var older = OlderRuntime.Require(package, version);
        using var scope = NewDisposeScope();
        var images = Micro.Images(7);
        var models = exported.Files.Value;

        var results = older.Run([.. models.Select(model => (model, images))]);

        Assert.All(models.Zip(results), pair =>
        {
            using var current = new OnnxModel(pair.First);
            var expected = current.Run(images);
            var actual = pair.Second.view(expected.shape);
            Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());

            // Versions sum in other orders too; where activations are quantized, a number that moves over the border between two codes moves some images' logits by more.
            var distances = (actual - expected).norm(1).div(expected.norm(1)).data<float>().ToArray().Order().ToArray();
            Assert.InRange(distances[distances.Length / 2], 0, 1e-4);
        });
    }

    /// <summary>MatMulNBits is made of types of four bits, which are younger.</summary>
    [Fact]
    public void Save_FastKernels_SameLogitsInAnOlderVersion()
    {
        var older = OlderRuntime.Require("onnxruntime-web", "1.19.2");
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var images = Micro.Images(7);
        using var model = Micro.Vit();
        using var quantized = Micro.Quantizer([StageNames.WeightCalibration], [], static options => options.Use(QuantizationPresets.W4A16)).Run(model, Micro.Images());
        OnnxExport.Save(quantized, folder["model.onnx"], new() { Kernels = OnnxKernels.Fast });

        var actual = older.Run([(folder["model.onnx"], images)])[0];

        using var current = new OnnxModel(folder["model.onnx"]);
        var expected = current.Run(images);

        // Either may round its inputs to 8 bits.
        Assert.InRange(Micro.Distance(expected, actual.view(expected.shape)), 0, 0.05);
    }

    /// <summary>A float model and quantized ones, exported when the first test asks for them.</summary>
    public sealed class ExportedModels : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public ExportedModels() => Files = new(() => Export());

        public Lazy<IReadOnlyList<string>> Files { get; }

        public void Dispose() => _folder.Dispose();

        private List<string> Export()
        {
            using var scope = NewDisposeScope();
            List<string> files = [_folder["vit.onnx"], _folder["swin.onnx"]];
            using var vit = Micro.Vit();
            using var swin = OnnxExportTests.Swin("padded");
            OnnxExport.Save(vit, files[0]);
            OnnxExport.Save(swin, files[1]);
            foreach (var preset in (QuantizationPreset[])[QuantizationPresets.W8A8, QuantizationPresets.W4A8, QuantizationPresets.W4A16])
            {
                Add(preset.Name, Micro.Vit(), options => options.Use(preset));
            }

            Add("swin w4a8", OnnxExportTests.Swin("padded"), static options => options.Use(QuantizationPresets.W4A8));
            Add(RecipeNames.ISVit, Micro.Vit(), static options => (options.Recipe, options.WeightBits, options.ActivationBits) = (RecipeNames.ISVit, 4, 4));
            foreach (var (scheme, granularity) in (ValueTuple<string, string>[])[("free-levels", "tensor"), ("free-levels", "channel:0"), ("channel-levels", "channel:0")])
            {
                Add($"{scheme} {granularity[..3]}", Micro.Vit(), options =>
                {
                    (options.Recipe, options.WeightBits) = (RecipeNames.WeightOnly, 3);
                    options.Overrides.Add(new SiteOverride { Pattern = "**", Operand = SiteOperand.Weight, Scheme = scheme, Granularity = granularity });
                });
            }

            return files;

            void Add(string name, ImageClassifier model, Action<QuantizationOptions> configure)
            {
                using var owned = model;
                using var quantized = Micro.Quantizer(configure).Run(model, Micro.Images());
                files.Add(_folder[$"{name}.onnx"]);
                OnnxExport.Save(quantized, files[^1]);
            }
        }
    }
}
