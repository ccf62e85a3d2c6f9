using IsVit.Detection.Operators;
using IsVit.Quantizers.Native;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Operators;

/// <summary>RoIAlign has MMCV's numbers, fused and in separate operations.</summary>
public sealed class RoiAlignOracleTests
{
    private static readonly Tolerance Specified = new(0, 1e-5);

    public static TheoryData<string, bool, int, bool> Cases()
    {
        var data = new TheoryData<string, bool, int, bool>();
        foreach (var eager in (bool[])[false, true])
        {
            foreach (var (aligned, sampling) in ((bool, int)[])[(false, 0), (false, 2), (true, 0), (true, 2)])
            {
                data.Add("7x7", aligned, sampling, eager);
                data.Add("3x5", aligned, sampling, eager);
            }

            data.Add("14x14", true, 0, eager);
            data.Add("2x2.scale1", true, 0, eager);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Apply_OracleRegions_EqualsMmcv(string output, bool aligned, int sampling, bool eager)
    {
        using var scope = torch.NewDisposeScope();
        using var path = eager ? KernelSwitch.Eager() : null;
        using var file = OperatorOracle.Open("roi_align");
        var expected = file.Read($"aligned{(aligned ? 1 : 0)}.sampling{sampling}.out{output}");
        var rois = file.Read("rois").narrow(0, 0, expected.shape[0]);
        var scale = output.EndsWith("scale1", StringComparison.Ordinal) ? 1 : 0.25;

        TensorAssert.Close(expected, RoiAlign.Apply(file.Read("input"), rois, expected.shape[2], expected.shape[3], scale, sampling, aligned), Specified);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ApplyToPyramid_OracleRegions_EqualsMmdetection(bool eager)
    {
        using var scope = torch.NewDisposeScope();
        using var path = eager ? KernelSwitch.Eager() : null;
        using var file = OperatorOracle.Open("roi_extractor");
        var rois = file.Read("rois");
        var features = Enumerable.Range(0, 4).Select(level => file.Read($"feat.{level}")).ToArray();

        Assert.Equal(file.Integers("levels"), OperatorOracle.Integers(RoiLevels.Of(rois, 4)));
        TensorAssert.Close(file.Read("out"), PyramidRoiAlign.Apply(features, rois, 7, 7, [4, 8, 16, 32]), Specified);
    }
}
