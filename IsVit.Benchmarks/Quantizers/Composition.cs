using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
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
            case "free-levels":
                var levels = Own(torch.tensor(parameters.Required("levels").ToArray(), ScalarType.Float32, device));
                var isScaled = quantizer.Granularity is Granularity.PerChannel;
                var (factor, offset) = isScaled ? (Constant("scale"), Constant("offset")) : (Own(ones(1, device: device)), Own(zeros(1, device: device)));
                var (thresholds, lowest, highest) = (Own(Middles(levels)), levels[0].item<float>(), levels[-1].item<float>());
                Tensor Nearest(Tensor x)
                {
                    var inside = x.clamp(lowest, highest);
                    return inside + (levels.index_select(0, bucketize(inside.detach(), thresholds, outInt32: true).flatten()).view(x.shape) - inside).detach();
                }

                _formula = isScaled ? x => (Nearest((x - offset) / factor) * factor) + offset : Nearest;
                break;
            case "channel-levels":
                var (rowScale, rowZero) = (Constant("scale").view(-1, 1), Constant("zero_point").view(-1, 1));
                var tables = Own((torch.tensor(parameters.Required("levels").ToArray(), ScalarType.Float32, device).view(rowScale.shape[0], -1) - rowZero) * rowScale);
                var (rowThresholds, first, last) = (Own(Middles(tables)), Own(tables.narrow(1, 0, 1).clone()), Own(tables.narrow(1, max, 1).clone()));
                _formula = x =>
                {
                    var rows = x.flatten(1);
                    var inside = rows.clamp(first, last);
                    return (inside + (tables.gather(1, searchsorted(rowThresholds, inside.detach())) - inside).detach()).view(x.shape);
                };
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

    private static Tensor Middles(Tensor levels) => (levels.narrow(-1, 0, levels.shape[^1] - 1) + levels.narrow(-1, 1, levels.shape[^1] - 1)) / 2;

    private Tensor Own(Tensor tensor)
    {
        _constants.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }
}
