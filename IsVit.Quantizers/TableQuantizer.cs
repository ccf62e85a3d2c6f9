using IsVit.Model.Quantization;
using IsVit.Quantizers.Projections;
using IsVit.Quantizers.Tables;

namespace IsVit.Quantizers;

/// <summary>A per-tensor quantizer with 2^b levels at arbitrary distances.</summary>
public abstract class TableQuantizer : Quantizer
{
    private protected TableQuantizer(string scheme, BitWidth bits, Granularity granularity)
        : base(bits, granularity) => SpecCheck.PerTensor(scheme, granularity);

    /// <summary>The levels and the thresholds between them; null before calibration.</summary>
    internal LevelTable? Table { get; private set; }

    private protected void Set(LevelTable table)
    {
        Table = table;
        Set(new TableProjection(table));
    }
}
