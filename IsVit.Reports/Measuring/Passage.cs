using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Reports.Measuring;

/// <summary>Changes nothing: what stands where a float model's numbers are read.</summary>
internal sealed class Passage : IQuantizer
{
    public string Scheme => "float";

    public BitWidth Bits => new(BitWidth.Maximum);

    public Granularity Granularity => Granularity.Tensor;

    public bool IsCalibrated => true;

    public void Calibrate(Tensor data)
    {
    }

    public Tensor Quantize(Tensor x) => throw new NotSupportedException();

    public Tensor Dequantize(Tensor codes) => throw new NotSupportedException();

    public Tensor FakeQuantize(Tensor x) => x;

    public QuantizationParameters ExportParameters() => throw new NotSupportedException();

    public void ImportParameters(QuantizationParameters parameters) => throw new NotSupportedException();

    public IQuantizer Clone() => new Passage();

    public void MoveTo(Device device)
    {
    }

    public void Dispose()
    {
    }
}
