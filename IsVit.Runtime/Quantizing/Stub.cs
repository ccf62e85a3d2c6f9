using IsVit.Model.Quantization;
namespace IsVit.Runtime.Quantizing;
internal sealed class ActivationCoder
{
    private readonly float[][] _levels; private readonly QuantizationParameters _p;
    private ActivationCoder(QuantizationParameters p) { _p = p; _levels = [.. Enumerable.Range(0, p.SetCount).Select(p.Levels)]; }
    public static ActivationCoder Create(QuantizationParameters p) => new(p);
    public QuantizationParameters Parameters => _p;
    public void Encode(ReadOnlySpan<float> row, Span<byte> codes)
    {
        for (var i = 0; i < row.Length; i++) {
            if (_p is AffineParameters a) codes[i] = (byte)Math.Clamp(MathF.Round(row[i] / a.Scale[0]) + a.ZeroPoint[0], 0, _p.Bits.MaxCode);
            else { var l = _levels[_levels.Length == 1 ? 0 : i]; var best = 0; for (var c = 1; c < l.Length; c++) if (MathF.Abs(l[c] - row[i]) < MathF.Abs(l[best] - row[i])) best = c; codes[i] = (byte)best; }
        }
    }
    public void Decode(ReadOnlySpan<byte> codes, Span<float> values) { for (var i = 0; i < codes.Length; i++) values[i] = _levels[_levels.Length == 1 ? 0 : i][codes[i]]; }
}
internal static class CodeTable { public static void Look(ReadOnlySpan<byte> codes, ReadOnlySpan<short> table, Span<short> values) { for (var i = 0; i < codes.Length; i++) values[i] = table[codes[i]]; } }
internal sealed class LevelGrid { public float Step; public short[] Levels = [];
  public static LevelGrid Create(float[] levels) { var m = levels.Max(MathF.Abs); var d = m / 32767; return new() { Step = d, Levels = [.. levels.Select(l => (short)MathF.Round(l / d))] }; } }
