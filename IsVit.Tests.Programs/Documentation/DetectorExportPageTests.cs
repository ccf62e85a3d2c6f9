using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Operators;
using IsVit.Onnx;
using IsVit.Tests.TestSupport;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;

namespace IsVit.Tests.Programs.Documentation;

/// <summary>What docs/onnx.md shows of detectors.</summary>
public sealed class DetectorExportPageTests
{
    [Fact]
    public void Page_SmallDetector_DetectsInOnnxRuntime()
    {
        torch.manual_seed(1);
        using var noGrad = torch.no_grad();
        using var folder = new TemporaryFolder();
        var file = folder["detector.onnx"];
        using var detector = DetectorCatalog.Create(DetectorCatalog.Demo);
        detector.eval();
        var preprocessing = new DetectorPreprocessing { ShortSide = 60, LongSide = 80, Mean = [127.5, 127.5, 127.5], Std = [64, 64, 64] };
        var rgb = Enumerable.Range(0, 50 * 70 * 3).Select(static i => (byte)(i * 37 % 251)).ToArray();
        using var input = preprocessing.Prepare(rgb, 50, 70); // or Read(path)

        // snippet: export
        OnnxExport.Save(detector, file, new() { DetectorPreprocessing = preprocessing }); // or a quantized detector
        using var session = new InferenceSession(file);

        var size = input.Geometries[0]; // of what preprocessing.Read(path) gave
        var pixels = input.Images.narrow(2, 0, size.Height).narrow(3, 0, size.Width).contiguous(); // without padding, which the graph adds
        using var image = OrtValue.CreateTensorValueFromMemory(pixels.data<float>().ToArray(), pixels.shape);
        using var scale = OrtValue.CreateTensorValueFromMemory(new[] { size.ScaleX, size.ScaleY }, [2]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["image", "scale"], [image, scale], ["boxes", "scores", "labels", "masks"]);

        torch.Tensor Floats(OrtValue value) => torch.tensor(value.GetTensorDataAsSpan<float>().ToArray()).view(value.GetTensorTypeAndShape().Shape);
        var masks = MaskPaste.Apply(Floats(outputs[3]), Floats(outputs[0]), size.OriginalHeight, size.OriginalWidth); // 1 for the object
        // end

        using var expected = detector.call(input)[0];
        Assert.True(expected.Count > 0);
        Assert.Equal([expected.Count, 50, 70], masks.shape);
        Assert.Equal(expected.Labels.data<long>().ToArray().Order(), outputs[2].GetTensorDataAsSpan<long>().ToArray().Order());
    }
}
