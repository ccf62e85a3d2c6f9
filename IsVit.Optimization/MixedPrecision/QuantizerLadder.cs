using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>A site's quantizers of several bit widths, calibrated at once on the same numbers; one of them is selected and stands for all.</summary>
internal sealed class QuantizerLadder : IReparameterizableQuantizer, IProductQuantizer
{
    private readonly SortedDictionary<int, IQuantizer> _rungs = [];
    private IQuantizer _selected;

    /// <param name="widths">The bit widths.</param>
    /// <param name="selected">The one of them that is selected at first.</param>
    /// <param name="create">Makes the quantizer of a width.</param>
    public QuantizerLadder(IEnumerable<int> widths, int selected, Func<int, IQuantizer> create)
    {
        try
        {
            foreach (var bits in widths)
            {
                _rungs[bits] = create(bits);
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        _selected = _rungs[selected];
    }

    public IEnumerable<int> Widths => _rungs.Keys;

    /// <summary>What is done with numbers instead of quantizing them; null to quantize.</summary>
    public Func<Tensor, Tensor>? Probe { get; set; }

    public string Scheme => _selected.Scheme;

    public BitWidth Bits => _selected.Bits;

    public Granularity Granularity => _selected.Granularity;

    public bool IsCalibrated => _rungs.Values.All(static rung => rung.IsCalibrated);

    public bool FitsProducts => _rungs.Values.Any(static rung => rung is IProductQuantizer { FitsProducts: true });

    public IQuantizer At(int bits) => _rungs[bits];

    public void Select(int bits) => _selected = _rungs[bits];

    public void Calibrate(Tensor data)
    {
        foreach (var rung in _rungs.Values)
        {
            rung.Calibrate(data);
        }
    }

    public void Calibrate(Tensor left, Tensor right, Tensor? importance)
    {
        foreach (var rung in _rungs.Values.OfType<IProductQuantizer>().Where(static rung => rung.FitsProducts))
        {
            rung.Calibrate(left, right, importance);
        }
    }

    public Tensor Quantize(Tensor x) => _selected.Quantize(x);

    public Tensor Dequantize(Tensor codes) => _selected.Dequantize(codes);

    public Tensor FakeQuantize(Tensor x) => Probe is { } probe ? probe(x) : _selected.FakeQuantize(x);

    public QuantizationParameters ExportParameters() => _selected.ExportParameters();

    public void ImportParameters(QuantizationParameters parameters) => _selected.ImportParameters(parameters);

    public IQuantizer Clone() => _selected.Clone();

    public CommonGrid ToCommonGrid(IReadOnlyList<bool> isLive) => _selected is IReparameterizableQuantizer selected
        ? selected.ToCommonGrid(isLive)
        : throw new QuantizationException($"A '{Scheme}' quantizer has no grid that its channels share.");

    public void MoveTo(Device device)
    {
        foreach (var rung in _rungs.Values)
        {
            rung.MoveTo(device);
        }
    }

    public void Dispose()
    {
        foreach (var rung in _rungs.Values)
        {
            rung.Dispose();
        }
    }
}
