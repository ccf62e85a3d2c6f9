using IsVit.Core.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Benchmarks.Quantizers;

/// <summary>Fake quantization as research code writes it: a formula of tensor operations, which autograd differentiates one by one.</summary>
internal sealed class Composition : IDisposable
{
    private readonly Func<Tensor, Tensor> _formula;
    private readonly List<Tensor> _constants = [];

    /// <summary>Writes out what a calibrated quantizer does.</summary>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="rank">The number of dimensions of what it will quantize.</param>
    /// <param name="device">Where that will be.</param>
    public Composition(IQuantizer quantizer, int rank, Device device)
    {
        var parameters = quantizer.ExportParameters();
        var max = quantizer.Bits.MaxCode;
        Tensor Constant(string name) => Own(Shaped(torch.tensor(parameters.Required(name).ToArray(), ScalarType.Float32, device), quantizer.Granularity, rank));
        switch (parameters.Scheme)
        {
            case "uniform":
                var (scale, zeroPoint) = (Constant("scale"), Constant("zero_point"));
                _formula = x => ((StraightThrough.Round(x / scale) + zeroPoint).clamp(0, max) - zeroPoint) * scale;
                break;
            case "log2":
                var largest = Constant("scale");
                _formula = x => largest * exp2(StraightThrough.Round(log2(x / largest)).clamp(-max, 0));
                break;
            default:
                var (eta, low, high) = (Constant("eta"), Constant("log2_min"), Constant("log2_max"));
                var step = Own((high - low) / max);
                var isFree = parameters.Options["levels"] == "free";
                _formula = x =>
                {
                    var exponent = (StraightThrough.Round((log2(x + eta) - low) / step).clamp(0, max) * step) + low;
                    return exp2(isFree ? exponent : StraightThrough.Round(exponent)) - eta;
                };
                break;
        }
    }

    /// <summary>Numbers to the numbers that their codes stand for.</summary>
    public Tensor FakeQuantize(Tensor x) => _formula(x);

    public void Dispose() => _constants.ForEach(static constant => constant.Dispose());

    private static Tensor Shaped(Tensor values, Granularity granularity, int rank)
    {
        var shape = new long[rank];
        Array.Fill(shape, 1);
        if (granularity is Granularity.PerChannel channel)
        {
            shape[channel.Resolve(rank)] = -1;
        }

        return values.view(shape);
    }

    private Tensor Own(Tensor tensor)
    {
        _constants.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }
}
