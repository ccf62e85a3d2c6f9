using BenchmarkDotNet.Attributes;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using TorchSharp;

namespace IsVit.Benchmarks.Detection;

/// <summary>What share of a forward of Mask R-CNN over Swin-T with an image of 800 x 1216 pixels RoIAlign and non-maximum suppression are. With random weights nothing is detected, so that no mask is drawn.</summary>
public class DetectorForward
{
    private const double ScoreThreshold = 0.05;

    private Detector _detector = null!;
    private DetectorInput _input = null!;
    private RoiAlignWork _regions = null!;
    private SuppressionWork _boxes = null!;

    [GlobalSetup]
    public void Setup()
    {
        torch.manual_seed(0);
        _detector = DetectorCatalog.Create("mask_rcnn_swin_tiny");
        _detector.eval();
        _input = Image();
        _regions = Regions();
        _boxes = SuppressionWork.Create();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _detector.Dispose();
        _input.Dispose();
        _regions.Dispose();
        _boxes.Dispose();
    }

    [Benchmark(Baseline = true, Description = "whole forward")]
    public void Forward()
    {
        using var noGrad = torch.no_grad();
        foreach (var found in _detector.call(_input))
        {
            found.Dispose();
        }
    }

    [Benchmark(Description = "RoIAlign of 1000 regions")]
    public void Align() => _regions.Forward();

    [Benchmark(Description = "suppression of 5 x 1000 proposals")]
    public void SuppressProposals() => _boxes.ByLevel();

    [Benchmark(Description = "suppression of 1000 boxes in 80 classes")]
    public void SuppressDetections() => _boxes.OfClasses(ScoreThreshold);

    private static DetectorInput Image() => new(torch.randn(1, 3, 800, 1216));

    private static RoiAlignWork Regions() => new(1000, 7);
}
