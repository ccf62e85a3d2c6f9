using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Models;

/// <summary>MMDetection's detectors of small widths and random weights, and what they give for two pictures.</summary>
internal sealed class DetectorOracle : IDisposable
{
    private readonly SafetensorsFile _values;
    private readonly SafetensorsFile _inputs;

    public DetectorOracle(string name)
    {
        Detector = Options(name).Create();
        Detector.eval();
        StateDict.Load(Detector, SharedData.Oracle(Path.Combine("detection", $"{name}.weights.safetensors")));
        _values = SafetensorsFile.Open(SharedData.Oracle(Path.Combine("detection", $"{name}.oracle.safetensors")));
        _inputs = SafetensorsFile.Open(SharedData.Oracle(Path.Combine("detection", "inputs.safetensors")));
    }

    public Detector Detector { get; }

    public static DetectorOptions Options(string name)
    {
        DetectorOptions options = name == "mask_rcnn" ? new MaskRcnnOptions() : new CascadeMaskRcnnOptions { BoxChannels = 16, DetectionCount = 30 };
        return options with
        {
            Backbone = new SwinBackboneOptions { EmbedDim = 12, Depths = [2, 2, 1, 1], HeadCounts = [1, 2, 4, 8] },
            ClassCount = 5,
            PyramidChannels = 16,
            AnchorsPerLevel = 200,
            ProposalCount = 64,
            BoxHeadWidth = 48,
            MaskChannels = 16,
        };
    }

    public bool Has(string name) => _values.Tensors.ContainsKey(name);

    public torch.Tensor Expected(string name) => _values.Read(name);

    /// <summary>One picture, as it comes out of MMDetection's pipeline.</summary>
    /// <param name="image">0 or 1.</param>
    /// <param name="rescale">Whether results are asked for on the original picture.</param>
    public DetectorInput Input(int image, bool rescale = true) => new(_inputs.Read($"image{image}/input"), [Geometry(image, rescale)]);

    /// <summary>Both pictures in one batch, padded with zeros.</summary>
    public DetectorInput Batch()
    {
        var padded = torch.zeros(2, 3, 192, 224);
        for (var i = 0; i < 2; i++)
        {
            var own = _inputs.Read($"image{i}/input");
            padded[i].narrow(1, 0, own.shape[2]).narrow(2, 0, own.shape[3]).copy_(own[0]);
        }

        return new(padded, [Geometry(0, true), Geometry(1, true)]);
    }

    public torch.Tensor Original(int image) => _inputs.Read($"image{image}/original");

    public torch.Tensor Resized(int image) => _inputs.Read($"image{image}/resized");

    public ImageGeometry Geometry(int image, bool rescale)
    {
        var (shape, original) = (_inputs.Read($"image{image}/img_shape").data<long>().ToArray(), _inputs.Read($"image{image}/ori_shape").data<long>().ToArray());
        return rescale ? new((int)shape[0], (int)shape[1], (int)original[0], (int)original[1]) : new((int)shape[0], (int)shape[1]);
    }

    public void Dispose()
    {
        Detector.Dispose();
        _values.Dispose();
        _inputs.Dispose();
    }
}
