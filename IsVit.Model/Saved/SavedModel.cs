using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using IsVit.Model.Files;
using IsVit.Model.Quantization;
using IsVit.Model.Statistics;

namespace IsVit.Model.Saved;

/// <summary>A saved quantized model, open for reading without torch: the sites, their quantizers' parameters, the codes of the weights, and everything that stayed in float.</summary>
/// <remarks>The format is documented in <c>docs/saved-models.md</c>. The file is memory-mapped; several threads may read at the same time.</remarks>
public sealed class SavedModel : IDisposable
{
    private readonly SafetensorsReader _file;

    private SavedModel(SafetensorsReader file)
    {
        RequireVersion(file);
        file.VerifyChecksums();
        _file = file;
        var sites = Parse(SavedNames.Sites, SavedJson.Named.ListSiteRecord);
        var quantizers = Parse(SavedNames.Quantizers, SavedJson.Named.ListQuantizerRecord);
        var problems = new List<string>();
        Quantizers = Read(quantizers, problems);
        Sites = Read(sites, quantizers, problems);
        if (problems.Count > 0)
        {
            throw new QuantizationException($"'{FilePath}' is a broken quantized model: {string.Join("; ", problems)}.");
        }

        Statistics = SavedStatistics.Read(file, Sites, Quantizers);
        Description = file.Metadata.GetValueOrDefault(SavedNames.Model) is { } text ? ModelDescription.Parse(text, FilePath) : null;
        Parameters = file.Tensors.Where(static entry => SavedNames.IsPlain(entry.Key)).ToDictionary(StringComparer.Ordinal);
        Metadata = file.Metadata.Where(static entry => !SavedNames.IsOwnText(entry.Key)).ToDictionary(StringComparer.Ordinal);
    }

    /// <summary>The file's full path.</summary>
    public string FilePath => _file.FilePath;

    /// <summary>The file's length in bytes.</summary>
    public long FileLength => File.Length;

    /// <summary>The quantized sites, in execution order.</summary>
    public IReadOnlyList<SavedSite> Sites { get; }

    /// <summary>The quantizers, which <see cref="SavedSite.Quantizer"/> refers to by index.</summary>
    public IReadOnlyList<QuantizationParameters> Quantizers { get; }

    /// <summary>Every parameter and buffer that is not a quantized weight, by its name in the model: biases, normalizations, embeddings.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Parameters { get; }

    /// <summary>The description of the model; null if the file has none.</summary>
    public ModelDescription? Description { get; }

    /// <summary>Statistics of the activation quantizers' inputs on the calibration images; null if the file has none.</summary>
    public CalibrationStatistics? Statistics { get; }

    /// <summary>The additional texts that were stored with the model.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    internal MappedFile File => _file.File;

    /// <summary>Opens a file and verifies that it is not corrupt and that its parts are consistent.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="WeightFileException">The file is corrupt, or not a safetensors file.</exception>
    /// <exception cref="QuantizationException">The file does not contain a quantized model, is of another version, or its parts are inconsistent; the message lists everything that is wrong.</exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static SavedModel Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var file = SafetensorsReader.Open(path);
        try
        {
            return new SavedModel(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A weight's codes as stored in the file: <see cref="PackedCodes"/> with the number of bits of its quantizer. Valid until the model is disposed.</summary>
    /// <param name="weight">One of <see cref="Sites"/> that is a weight.</param>
    /// <exception cref="ArgumentException">It is not such a site.</exception>
    public ReadOnlySpan<byte> PackedCodesOf(SavedSite weight)
    {
        ArgumentNullException.ThrowIfNull(weight);
        return weight.IsWeight && Sites.Contains(weight)
            ? _file.Bytes(SavedNames.Codes(weight.WeightName))
            : throw new ArgumentException($"'{weight.Site.Id}' is no weight of '{FilePath}'.", nameof(weight));
    }

    /// <summary>Reads a weight's codes, one per byte, in row-major order.</summary>
    /// <param name="weight">One of <see cref="Sites"/> that is a weight.</param>
    /// <exception cref="ArgumentException">It is not such a site.</exception>
    /// <exception cref="QuantizationException">The bits after the last code are not zero.</exception>
    public byte[] ReadCodes(SavedSite weight)
    {
        _ = PackedCodesOf(weight);
        var codes = new byte[Elements(weight.Shape!)];
        ReadCodes(weight, codes);
        return codes;
    }

    /// <summary>Reads the codes of one of the file's own weights into given memory of their number.</summary>
    internal void ReadCodes(SavedSite weight, Span<byte> codes)
    {
        try
        {
            PackedCodes.Unpack(_file.Bytes(SavedNames.Codes(weight.WeightName!)), Quantizers[weight.Quantizer].Bits, codes);
        }
        catch (QuantizationException e)
        {
            throw new QuantizationException($"'{FilePath}': '{weight.WeightName}': {e.Message}.", e);
        }
    }

    /// <summary>Reads a weight's dequantized values.</summary>
    /// <param name="weight">One of <see cref="Sites"/> that is a weight.</param>
    /// <returns>One value for each element of its shape, in row-major order.</returns>
    /// <exception cref="ArgumentException">It is not such a site.</exception>
    /// <exception cref="QuantizationException">The weight's quantizer is not one of the library's, or does not fit its shape.</exception>
    public float[] ReadWeight(SavedSite weight)
    {
        var codes = ReadCodes(weight);
        var values = new float[codes.Length];
        Quantizers[weight.Quantizer].Dequantize(codes, [.. weight.Shape!], values);
        return values;
    }

    /// <summary>A parameter's elements as stored in the file: row-major, little-endian, of the type given in <see cref="Parameters"/>. Valid until the model is disposed.</summary>
    /// <param name="name">One of <see cref="Parameters"/>.</param>
    /// <exception cref="WeightFileException">No parameter has that name.</exception>
    public ReadOnlySpan<byte> BytesOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Parameters.ContainsKey(name) ? _file.Bytes(name) : throw new WeightFileException(FilePath, name, $"one of the file's {Parameters.Count} parameters", "no parameter of that name");
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static void RequireVersion(SafetensorsReader file)
    {
        var format = file.Metadata.GetValueOrDefault(SavedNames.Format);
        if (format?.StartsWith(SavedNames.FormatPrefix, StringComparison.Ordinal) != true
            || !int.TryParse(format.AsSpan(SavedNames.FormatPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var version))
        {
            throw new QuantizationException($"'{file.FilePath}' is no quantized model: its {SavedNames.Format} is {(format is null ? "absent" : $"'{format}'")}, expected '{SavedNames.CurrentFormat}'.");
        }

        if (version != SavedNames.Version)
        {
            throw new QuantizationException(FormattableString.Invariant($"'{file.FilePath}' is a quantized model of version {version}; this library reads version {SavedNames.Version}. {(version > SavedNames.Version ? "Read it with the newer library that wrote it, or one that is newer still" : "Quantize the model anew")}."));
        }
    }

    private List<T> Parse<T>(string key, JsonTypeInfo<List<T>> type)
        where T : class
    {
        try
        {
            var records = JsonSerializer.Deserialize(_file.Metadata.GetValueOrDefault(key) ?? "null", type);
            return records is not null && records.TrueForAll(static record => record is not null)
                ? records
                : throw new QuantizationException($"'{FilePath}' lacks the metadata '{key}', or entries of it.");
        }
        catch (JsonException e)
        {
            throw new QuantizationException($"'{FilePath}': the metadata '{key}' is broken: {e.Message}", e);
        }
    }

    private List<QuantizationParameters> Read(List<QuantizerRecord> records, List<string> problems)
    {
        var quantizers = new List<QuantizationParameters>();
        var vectors = _file.Tensors.Keys.Where(static name => name.StartsWith(SavedNames.QuantizersPrefix, StringComparison.Ordinal)).ToList();
        for (var i = 0; i < records.Count; i++)
        {
            if (Read(records[i], i, vectors, problems) is { } quantizer)
            {
                quantizers.Add(quantizer);
            }
        }

        return quantizers;
    }

    private QuantizationParameters? Read(QuantizerRecord record, int index, List<string> vectors, List<string> problems)
    {
        if (record.Scheme is null || record.Granularity is null || record.Options is null)
        {
            problems.Add(FormattableString.Invariant($"quantizer {index} lacks its scheme, granularity or options"));
            return null;
        }

        if (record.Bits is < BitWidth.Minimum or > BitWidth.Maximum)
        {
            problems.Add(FormattableString.Invariant($"quantizer {index} has {record.Bits} bits; expected {BitWidth.Minimum} to {BitWidth.Maximum}"));
            return null;
        }

        try
        {
            var values = (record.Values ?? []).ToDictionary(static entry => entry.Key, static entry => (IReadOnlyList<double>)[entry.Value], StringComparer.Ordinal);
            var prefix = SavedNames.QuantizerVector(index, "");
            foreach (var name in vectors.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
            {
                values[name[prefix.Length..]] = Vector(name);
            }

            return QuantizationParameters.Create(record.Scheme, record.Bits, Granularity.Parse(record.Granularity), values, record.Options);
        }
        catch (Exception e) when (e is QuantizationException or FormatException or ArgumentException)
        {
            problems.Add(FormattableString.Invariant($"quantizer {index}: {e.Message.TrimEnd('.')}"));
            return null;
        }
    }

    private double[] Vector(string name)
    {
        var bytes = _file.Bytes(name);
        return _file.Tensors[name].ElementType switch
        {
            "U8" => Array.ConvertAll(bytes.ToArray(), static value => (double)value),
            "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), static value => (double)value),
            "F64" => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
            var type => throw new QuantizationException($"'{name}' is {type}; expected U8, F32 or F64"),
        };
    }

    private List<SavedSite> Read(List<SiteRecord> records, List<QuantizerRecord> quantizers, List<string> problems)
    {
        var sites = new List<SavedSite>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var record in records)
        {
            if (record.Path is null)
            {
                problems.Add("a site has no path");
                continue;
            }

            var site = new SavedSite(new Site(record.Path, record.Operand, record.Role, record.Producer), record.Quantizer, record.Shape);
            sites.Add(site);
            if (!ids.Add(site.Site.Id))
            {
                problems.Add($"site '{site.Site.Id}' is listed twice");
            }

            if (quantizers.ElementAtOrDefault(record.Quantizer) is not { } quantizer)
            {
                problems.Add(FormattableString.Invariant($"site '{site.Site.Id}' has quantizer {record.Quantizer} of {quantizers.Count}"));
            }
            else if (site.IsWeight && quantizer.Bits is >= BitWidth.Minimum and <= BitWidth.Maximum)
            {
                CheckCodes(site, quantizer.Bits, problems);
            }
        }

        return sites;
    }

    private void CheckCodes(SavedSite site, BitWidth bits, List<string> problems)
    {
        var name = SavedNames.Codes(site.WeightName);
        if (site.Shape is null || site.Shape.Any(static length => length < 0) || Elements(site.Shape) > int.MaxValue)
        {
            problems.Add($"{name} has the shape {(site.Shape is null ? "null" : $"[{string.Join(", ", site.Shape)}]")}");
        }
        else if (!_file.Tensors.TryGetValue(name, out var entry))
        {
            problems.Add($"{name} is missing");
        }
        else if (PackedCodes.ByteCount(Elements(site.Shape), bits) is var bytes && !entry.Is("U8", bytes))
        {
            problems.Add(FormattableString.Invariant($"{name} is {entry.ElementType} [{string.Join(", ", entry.Shape)}], expected U8 [{bytes}] for codes of {bits} bits"));
        }
    }

    // As many as fit a number, so that a shape of a broken file is too large and no overflow.
    private static long Elements(IReadOnlyList<long> shape)
    {
        Int128 product = 1;
        foreach (var length in shape)
        {
            product = Int128.Min(product * length, int.MaxValue + 1L);
        }

        return (long)product;
    }
}
