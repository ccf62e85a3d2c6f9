using IsVit.Model.Saved;

if (args is not [var path])
{
    Console.Error.WriteLine("WithoutTorch <file>: a file that QuantizedModel.Save or 'isvit quantize' wrote.");
    return 2;
}

// snippet: read
using var saved = SavedModel.Open(path);
Console.WriteLine($"{saved.Description?.Name ?? "a model"}, {saved.Description?.Architecture.GetType().Name ?? "of no known architecture"}");
foreach (var site in saved.Sites.Where(site => site.IsWeight))
{
    var parameters = saved.Quantizers[site.Quantizer];
    byte[] codes = saved.ReadCodes(site);
    float[] weights = saved.ReadWeight(site);
    Console.WriteLine(FormattableString.Invariant($"{site.WeightName} [{string.Join(", ", site.Shape!)}]: {parameters}, codes to {codes.Max()}, weights {weights.Min():R} to {weights.Max():R}"));
}
// end

return 0;
