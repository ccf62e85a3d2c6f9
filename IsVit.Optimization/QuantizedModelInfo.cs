using IsVit.Model.Quantization;
using IsVit.Model.Saved;
using IsVit.Model.Statistics;

namespace IsVit.Optimization;

/// <summary>What a file that <see cref="QuantizedModel.Save(string, IReadOnlyDictionary{string, string}?)"/> wrote says of itself; no model is needed to read it.</summary>
/// <param name="Sites">What is quantized, in the order in which the model runs.</param>
/// <param name="Metadata">The texts that were given to <see cref="QuantizedModel.Save(string, IReadOnlyDictionary{string, string}?)"/>.</param>
/// <param name="FileBytes">The length of the file.</param>
/// <param name="OtherBytes">What everything that is not quantized takes: biases, normalisations, embeddings.</param>
public sealed record QuantizedModelInfo(IReadOnlyList<QuantizedSiteInfo> Sites, IReadOnlyDictionary<string, string> Metadata, long FileBytes, long OtherBytes)
{
    /// <summary>What the activation quantizers read on the calibration images; null if the file has none.</summary>
    public CalibrationStatistics? CalibrationStatistics { get; init; }

    /// <summary>What the model is; null if the file does not say.</summary>
    public ModelDescription? Description { get; init; }

    /// <summary>Reads a file, and checks that it is undamaged.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IsVit.Model.Files.WeightFileException">The file is broken.</exception>
    /// <exception cref="QuantizationException">The file is no quantized model, or of another version.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static QuantizedModelInfo Read(string path)
    {
        using var saved = SavedModel.Open(path);
        return new QuantizedModelInfo(
            [
                .. saved.Sites.Select(site =>
                {
                    var quantizer = saved.Quantizers[site.Quantizer];
                    return new QuantizedSiteInfo(site.Site, quantizer.Scheme, quantizer.Bits, quantizer.Granularity, site.Shape, site.IsWeight ? saved.PackedCodesOf(site).Length : 0);
                }),
            ],
            saved.Metadata,
            saved.FileLength,
            saved.Parameters.Values.Sum(static parameter => parameter.ByteCount))
        {
            CalibrationStatistics = saved.Statistics,
            Description = saved.Description,
        };
    }
}
