using System.Text.Json;
using IsVit.Model.Files;
using IsVit.Model.Quantization;
using IsVit.Model.Statistics;

namespace IsVit.Model.Saved;

/// <summary>The parts of a saved model, to be written to a file.</summary>
public sealed class SavedModelContent
{
    /// <summary>The quantized sites, in execution order.</summary>
    public required IReadOnlyList<SavedSite> Sites { get; init; }

    /// <summary>The quantizers, which <see cref="SavedSite.Quantizer"/> refers to by index.</summary>
    public required IReadOnlyList<QuantizationParameters> Quantizers { get; init; }

    /// <summary>The packed codes (<see cref="PackedCodes"/>) of each quantized weight, by the weight's name in the model.</summary>
    public required IReadOnlyDictionary<string, byte[]> Codes { get; init; }

    /// <summary>Every parameter and buffer that is not a quantized weight, by its name in the model.</summary>
    public required IReadOnlyDictionary<string, TensorData> Parameters { get; init; }

    /// <summary>The description of the model, or null if it cannot be described.</summary>
    public ModelDescription? Description { get; init; }

    /// <summary>Statistics of the activation quantizers' inputs on the calibration images, or null.</summary>
    public CalibrationStatistics? Statistics { get; init; }

    /// <summary>Additional texts to store, or null for none.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>Writes a file, completely or not at all.</summary>
    /// <param name="path">The file; replaced if it exists. Its folder must exist.</param>
    /// <exception cref="ArgumentException">A weight has no codes or no shape, or their lengths do not match; or a name is duplicate.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var (tensors, texts) = ToFile();
        SafetensorsWriter.Write(path, tensors, texts, withChecksums: true);
    }

    /// <summary>Writes the same to a stream.</summary>
    /// <param name="stream">Written from its current position, and left open; it need not be seekable.</param>
    /// <exception cref="ArgumentException">A weight has no codes or no shape, or their lengths do not match; or a name is duplicate.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public void Write(Stream stream)
    {
        var (tensors, texts) = ToFile();
        SafetensorsWriter.Write(stream, tensors, texts, withChecksums: true);
    }

    private (Dictionary<string, TensorData> Tensors, Dictionary<string, string> Texts) ToFile()
    {
        var tensors = new Dictionary<string, TensorData>(Parameters, StringComparer.Ordinal);
        foreach (var site in Sites.Where(static site => site.IsWeight))
        {
            var bits = Quantizers[site.Quantizer].Bits;
            var expected = site.Shape is null ? -1 : PackedCodes.ByteCount(site.Shape.Aggregate(1L, static (product, length) => product * length), bits);
            if (!Codes.TryGetValue(site.WeightName, out var codes) || codes.Length != expected)
            {
                throw new ArgumentException($"'{site.WeightName}' has {(codes is null ? "no codes" : $"{codes.Length} bytes of codes")}; expected {(site.Shape is null ? "a shape" : FormattableString.Invariant($"{expected} for [{string.Join(", ", site.Shape)}] of {bits} bits"))}.", nameof(Codes));
            }

            tensors.Add(SavedNames.Codes(site.WeightName), TensorData.Of(codes));
        }

        var records = new List<QuantizerRecord>();
        for (var i = 0; i < Quantizers.Count; i++)
        {
            var quantizer = Quantizers[i];
            records.Add(new QuantizerRecord(
                quantizer.Scheme,
                quantizer.Bits.Bits,
                quantizer.Granularity.ToString()!,
                new(quantizer.Options, StringComparer.Ordinal),
                quantizer.Values.Where(static entry => entry.Value.Count == 1).ToDictionary(static entry => entry.Key, static entry => entry.Value[0], StringComparer.Ordinal)));
            foreach (var (name, values) in quantizer.Values.Where(static entry => entry.Value.Count != 1))
            {
                tensors.Add(SavedNames.QuantizerVector(i, name), Narrow([.. values]));
            }
        }

        var texts = new Dictionary<string, string>(Metadata ?? NamedParameters.NoOptions, StringComparer.Ordinal)
        {
            [SavedNames.Format] = SavedNames.CurrentFormat,
            [SavedNames.Sites] = JsonSerializer.Serialize(
                [.. Sites.Select(static site => new SiteRecord(site.Site.Path, site.Site.Operand, site.Site.Role, site.Site.Producer, site.Quantizer, site.IsWeight ? site.Shape : null))], SavedJson.Named.ListSiteRecord),
            [SavedNames.Quantizers] = JsonSerializer.Serialize(records, SavedJson.Named.ListQuantizerRecord),
        };
        if (Description is not null)
        {
            texts[SavedNames.Model] = Description.ToJson();
        }

        SavedStatistics.Write(Statistics, Sites, tensors, texts);
        return (tensors, texts);
    }

    // In the narrowest type that holds every entry.
    private static TensorData Narrow(double[] values) =>
        Array.TrueForAll(values, static value => value is >= byte.MinValue and <= byte.MaxValue && value == Math.Truncate(value) && !double.IsNegative(value)) ? TensorData.Of(Array.ConvertAll(values, static value => (byte)value))
        : Array.TrueForAll(values, static value => (float)value == value) ? TensorData.Of(Array.ConvertAll(values, static value => (float)value))
        : TensorData.Of(values);
}
