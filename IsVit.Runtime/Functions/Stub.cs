namespace IsVit.Runtime.Functions;
internal static class LayerNormalization { public static void Apply(ReadOnlySpan<float> row, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float eps, Span<float> output) {
  double s = 0; foreach (var x in row) s += x; var m = s / row.Length; double v = 0; foreach (var x in row) v += (x - m) * (x - m); var r = 1 / Math.Sqrt(v / row.Length + eps);
  for (var i = 0; i < row.Length; i++) output[i] = (float)((row[i] - m) * r * weight[i] + bias[i]); } }
internal static class Softmax { public static void Apply(Span<float> row) { var m = row[0]; foreach (var x in row) m = MathF.Max(m, x); double s = 0; for (var i = 0; i < row.Length; i++) { row[i] = MathF.Exp(row[i] - m); s += row[i]; } var r = (float)(1 / s); for (var i = 0; i < row.Length; i++) row[i] *= r; } }
internal static class Gelu { public static void Apply(Span<float> v) { for (var i = 0; i < v.Length; i++) { double x = v[i]; v[i] = (float)(0.5 * x * (1 + Erf(x / Math.Sqrt(2)))); } }
  static double Erf(double x) { var t = 1 / (1 + 0.5 * Math.Abs(x)); var y = 1 - t * Math.Exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))))); return x >= 0 ? y : -y; } }
internal static class Silu { public static void Apply(Span<float> v) { for (var i = 0; i < v.Length; i++) v[i] = v[i] / (1 + MathF.Exp(-v[i])); } }
internal static class HyperbolicTangent { public static void Apply(Span<float> v) { for (var i = 0; i < v.Length; i++) v[i] = MathF.Tanh(v[i]); } }
