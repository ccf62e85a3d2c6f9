using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Quantization;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Oracle;

/// <summary>Parameters and values equal those of the authors' released code.</summary>
public sealed class QuantizerOracleTests
{
    // The specification asks for 1e-5; the absolute part is far below the smallest level's float32 rounding.
    private static readonly Tolerance Specified = new(1e-5, 1e-12);

    public static TheoryData<string, string, int, bool, int> UniformCases()
    {
        var data = new TheoryData<string, string, int, bool, int>();
        foreach (var bits in (int[])[2, 3, 4, 6, 8])
        {
            data.Add("act_tensor", "act", int.MinValue, false, bits);
            data.Add("act_channel", "act", -1, false, bits);
            data.Add("weight_channel", "weight", 0, true, bits);
            data.Add("conv_channel", "conv_weight", 0, true, bits);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(UniformCases))]
    public void UniformCalibrate_OracleInput_EqualsReleasedCode(string name, string input, int axis, bool isWeight, int bits)
    {
        using var scope = torch.NewDisposeScope();
        using var file = SafetensorsFile.Open(SharedData.Oracle("quantizers.safetensors"));
        var x = file.Read(input);
        var granularity = axis == int.MinValue ? Granularity.Tensor : Granularity.Channel(axis);
        using var quantizer = new UniformQuantizerFactory().Create(new("uniform", bits, granularity), isWeight);
        quantizer.Calibrate(x);

        var parameters = quantizer.ExportParameters();
        var prefix = $"uniform/{name}/b{bits}";
        Close(file.Read($"{prefix}/scale"), parameters.Required("scale"));
        Close(file.Read($"{prefix}/zero_point"), parameters.Required("zero_point"));
        Close(file.Read($"{prefix}/dequantized"), quantizer.FakeQuantize(x));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(8)]
    public void SulqCalibrate_OracleInput_EqualsReleasedCode(int bits)
    {
        using var scope = torch.NewDisposeScope();
        using var file = SafetensorsFile.Open(SharedData.Oracle("quantizers.safetensors"));
        var x = file.Read("softmax");
        var options = new ShiftUniformLog2Options { Levels = SulqLevels.PowerOfTwo, EtaGrid = ShiftUniformLog2Options.ReleasedEtaGrid };
        using var quantizer = new ShiftUniformLog2QuantizerFactory(options).Create(new("sulq", bits, Granularity.Tensor), false);
        quantizer.Calibrate(x);

        var parameters = quantizer.ExportParameters();
        Assert.Equal(file.Read($"sulq/b{bits}/eta").item<float>(), (float)parameters.Required("eta")[0]);
        Close(file.Read($"sulq/b{bits}/log2_max"), parameters.Required("log2_max"));
        Close(file.Read($"sulq/b{bits}/log2_min"), parameters.Required("log2_min"));
        Close(file.Read($"sulq/b{bits}/dequantized"), quantizer.FakeQuantize(x));
    }

    private static void Close(torch.Tensor expected, IReadOnlyList<double> actual)
    {
        using var tensor = torch.tensor([.. actual], torch.ScalarType.Float64);
        Close(expected, tensor);
    }

    private static void Close(torch.Tensor expected, torch.Tensor actual) => TensorAssert.Close(
        expected.to(torch.ScalarType.Float64).view(-1), actual.to(torch.ScalarType.Float64).view(-1), Specified);
}
