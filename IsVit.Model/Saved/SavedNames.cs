using System.Globalization;
using IsVit.Model.Files;

namespace IsVit.Model.Saved;

/// <summary>The names under which a saved model keeps its tensors and texts.</summary>
internal static class SavedNames
{
    public const string Format = "isvit.format";
    public const string FormatPrefix = "quantized-model/";
    public const int Version = 2;
    public const string Sites = "isvit.sites";
    public const string Quantizers = "isvit.quantizers";
    public const string Model = "isvit.model";
    public const string StatisticsImages = "isvit.statistics.images";
    public const string StatisticsCodes = StatisticsPrefix + "codes";
    public const string StatisticsSites = StatisticsPrefix + "sites";
    public const string QuantizersPrefix = "quantizers/";

    private const string CodesPrefix = "codes/";
    private const string StatisticsPrefix = "statistics/";

    /// <summary>What is written as <see cref="Format"/>.</summary>
    public static string CurrentFormat { get; } = string.Create(CultureInfo.InvariantCulture, $"{FormatPrefix}{Version}");

    public static string Codes(string weight) => CodesPrefix + weight;

    public static string QuantizerVector(int quantizer, string vector) => string.Create(CultureInfo.InvariantCulture, $"{QuantizersPrefix}{quantizer}/{vector}");

    public static bool IsCodes(string name) => name.StartsWith(CodesPrefix, StringComparison.Ordinal);

    public static bool IsStatistics(string name) => name.StartsWith(StatisticsPrefix, StringComparison.Ordinal);

    /// <summary>Whether a tensor of the file is one of the model's own, as it is.</summary>
    public static bool IsPlain(string name) => !IsCodes(name) && !IsStatistics(name) && !name.StartsWith(QuantizersPrefix, StringComparison.Ordinal) && name != SafetensorsReader.ChecksumsName;

    /// <summary>Whether a text is the file's own, and none that was given to keep beside it.</summary>
    public static bool IsOwnText(string key) => key is Format or Sites or Quantizers or Model or StatisticsImages;
}
