using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.Uniform;

/// <summary>The whole range.</summary>
internal sealed record MinMaxObserver : RangeObserver
{
    internal override UniformGrid Find(RankedValues values, BitWidth bits, bool symmetric) =>
        UniformGrid.FromRange(values.Minimum, values.Maximum, bits, symmetric);

    public override string ToString() => "min-max";
}
