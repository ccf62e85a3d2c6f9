using System.Globalization;
using IsVit.Core.Models.WeightFiles;
using static TorchSharp.torch;

namespace IsVit.Optimization.Checkpoints;

/// <summary>The names under which a saved model keeps its tensors.</summary>
internal static class ModelState
{
    public const string CodesPrefix = "codes/";
    private const string QuantizersPrefix = "quantizers/";

    public static bool IsCodes(string name) => name.StartsWith(CodesPrefix, StringComparison.Ordinal);

    public static bool IsQuantizerVector(string name) => name.StartsWith(QuantizersPrefix, StringComparison.Ordinal);

    /// <summary>Whether a tensor of the file is one of the model's own, as it is: no codes of one, and nothing that the file has beside.</summary>
    public static bool IsPlain(string name) => !IsCodes(name) && !IsBeside(name);

    /// <summary>Whether a tensor of the file stands beside the model's own: quantizers' vectors, statistics, checksums.</summary>
    public static bool IsBeside(string name) => name == SafetensorsFile.ChecksumsName || IsQuantizerVector(name) || StatisticsTensors.Holds(name);

    public static string QuantizerKey(int quantizer, string vector) => string.Create(CultureInfo.InvariantCulture, $"{QuantizersPrefix}{quantizer}/{vector}");

    public static string WeightName(string layer) => layer.Length == 0 ? "weight" : $"{layer}.weight";

    /// <summary>The path of the module that a parameter stands in.</summary>
    public static string LayerOf(string parameter) => parameter.LastIndexOf('.') is var dot and >= 0 ? parameter[..dot] : "";

    /// <summary>Parameters and buffers by name.</summary>
    public static Dictionary<string, Tensor> Of(nn.Module model)
    {
        var state = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, parameter) in model.named_parameters())
        {
            state[name] = parameter;
        }

        foreach (var (name, buffer) in model.named_buffers(include_nonpersistent: false))
        {
            state[name] = buffer;
        }

        return state;
    }
}
