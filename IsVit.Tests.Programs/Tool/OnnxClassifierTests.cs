using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Model.Imaging;
using IsVit.Onnx;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using IsVit.Tool;
using IsVit.Tool.Inputs;

namespace IsVit.Tests.Programs.Tool;

public sealed class OnnxClassifierTests
{
    [Theory]
    [InlineData("\"crop\"", "\"crab\"")]
    [InlineData("{\"size\"", "[\"size\"")]
    public void Describe_PreprocessingThatIsNone_SaysSo(string there, string instead)
    {
        using var folder = new TemporaryFolder();
        using (var model = Micro.Vit())
        {
            OnnxExport.Save(model, folder["model.onnx"], new() { Preprocessing = new() { ImageSize = 32 }, Metadata = new Dictionary<string, string> { ["isvit.model"] = ModelCatalog.Demo } });
        }

        var file = File.ReadAllBytes(folder["model.onnx"]);
        var at = file.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(there));
        Assert.True(at > 0, there);
        System.Text.Encoding.UTF8.GetBytes(instead).CopyTo(file, at);
        File.WriteAllBytes(folder["model.onnx"], file);
        using var broken = OnnxClassifier.Open(folder["model.onnx"], 1);

        var error = Assert.Throws<ToolException>(() => broken.Describe(folder["model.onnx"]));

        Assert.StartsWith($"{folder["model.onnx"]}: its metadata 'isvit.preprocessing' is broken: ", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A model of the catalogue, one that is not, and a file of before the mode was written.</summary>
    [Theory]
    [InlineData(ModelCatalog.Demo, "resize_mode", ResizeMode.Squash)]
    [InlineData("micro", "resize_mode", ResizeMode.Squash)]
    [InlineData("micro", "resize_some", ResizeMode.ShortSide)]
    public void Describe_ImagesThatAreSquashed_SaysSo(string name, string key, ResizeMode expected)
    {
        using var folder = new TemporaryFolder();
        using (var model = Micro.Vit())
        {
            OnnxExport.Save(model, folder["model.onnx"], new() { Preprocessing = new() { ImageSize = 32, CropFraction = 0.75, ResizeMode = ResizeMode.Squash }, Metadata = new Dictionary<string, string> { ["isvit.model"] = name } });
        }

        var file = File.ReadAllBytes(folder["model.onnx"]);
        var at = file.AsSpan().IndexOf("resize_mode"u8);
        System.Text.Encoding.UTF8.GetBytes(key).CopyTo(file, at);
        File.WriteAllBytes(folder["model.onnx"], file);
        using var opened = OnnxClassifier.Open(folder["model.onnx"], 1);

        var preprocessing = opened.Describe(folder["model.onnx"]).Preset().Preprocessing;

        Assert.Equal((expected, 0.75), (preprocessing.ResizeMode, preprocessing.CropFraction));
    }

    /// <summary>Models of the catalogue at another size than the catalogue's, and one that only its file knows.</summary>
    [Theory]
    [InlineData(ModelCatalog.Demo, null)]
    [InlineData(ModelCatalog.DemoSwin, 5)]
    [InlineData("micro", 5)]
    public void Describe_OtherImagesAndWindows_AreTheFiles(string name, int? window)
    {
        using var folder = new TemporaryFolder();
        using (var model = Micro.Vit())
        {
            var texts = new Dictionary<string, string> { ["isvit.model"] = name };
            if (window is not null)
            {
                texts["isvit.window_size"] = $"{window}";
            }

            OnnxExport.Save(model, folder["model.onnx"], new() { Preprocessing = new() { ImageSize = 32 }, Metadata = texts });
        }

        using var opened = OnnxClassifier.Open(folder["model.onnx"], 1);
        var preset = opened.Describe(folder["model.onnx"]).Preset();

        Assert.Equal((32, 32), (preset.Options.ImageSize, preset.Preprocessing.ImageSize));
        Assert.Equal(window, (preset.Options as SwinTransformerOptions)?.WindowSize);
    }
}
