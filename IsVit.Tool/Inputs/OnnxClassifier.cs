using System.Globalization;
using System.Text.Json;
using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Model.Imaging;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using TorchSharp;

namespace IsVit.Tool.Inputs;

/// <summary>An exported model in ONNX Runtime, called as a module.</summary>
internal sealed class OnnxClassifier : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    /// <summary>The text that says how large a Swin transformer's windows are, in tokens.</summary>
    public const string WindowKey = "isvit.window_size";

    private readonly InferenceSession _session;
    private readonly string _input;
    private readonly string _output;

    private OnnxClassifier(InferenceSession session)
        : base(nameof(OnnxClassifier))
    {
        _session = session;
        _input = session.InputMetadata.Keys.Single();
        _output = session.OutputMetadata.Keys.Single();
    }

    /// <summary>The shape of an image: [channels, height, width].</summary>
    public IReadOnlyList<long> ImageShape => [.. _session.InputMetadata[_input].Dimensions.Skip(1).Select(static length => (long)length)];

    /// <summary>Whether a file is to be read as ONNX.</summary>
    /// <param name="path">The file.</param>
    public static bool Supports(string path) => Path.GetExtension(path).Equals(".onnx", StringComparison.OrdinalIgnoreCase);

    /// <summary>Refuses a device that ONNX Runtime has no part in here.</summary>
    /// <param name="device">What the user gave.</param>
    /// <exception cref="ToolException">It is not the processor.</exception>
    public static void RequireProcessor(torch.Device device)
    {
        if (device.type != DeviceType.CPU)
        {
            throw new ToolException($"--device {device}: ONNX Runtime runs on the CPU here.");
        }
    }

    /// <summary>Opens a file that <c>isvit export</c> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <param name="threads">How many threads a product may have; null for one a core.</param>
    /// <exception cref="ToolException">The file is missing or no ONNX model, or does not say which model of the catalogue it is.</exception>
    public static OnnxClassifier Open(string path, int? threads = null)
    {
        if (!File.Exists(path))
        {
            throw new ToolException($"{path}: no such file.");
        }

        try
        {
            using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            if (threads is { } count)
            {
                options.IntraOpNumThreads = count;
            }

            return new OnnxClassifier(new InferenceSession(path, options));
        }
        catch (OnnxRuntimeException error)
        {
            throw new ToolException($"{path}: ONNX Runtime cannot load it: {error.Message}", error);
        }
    }

    /// <summary>What the file says of itself.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="ToolException">It does not say which model of the catalogue it is.</exception>
    public RunDescription Describe(string path)
    {
        var texts = Texts(path);
        var model = texts.GetValueOrDefault("isvit.model")
            ?? throw new ToolException($"{path}: its metadata lacks 'isvit.model'; only files that 'isvit export' wrote can be evaluated.");
        var preset = Preset(model, texts, path);
        int Number(string name, int otherwise) => int.TryParse(texts.GetValueOrDefault(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
        return new RunDescription(
            model,
            _session.OutputMetadata[_output].Dimensions[^1],
            preset.Preprocessing.CropFraction,
            texts.GetValueOrDefault("isvit.method") ?? "float",
            Number("isvit.weight_bits", RunDescription.FloatBits),
            Number("isvit.activation_bits", RunDescription.FloatBits),
            Number("isvit.seed", 0)) { Shape = preset };
    }

    private Dictionary<string, string> Texts(string path)
    {
        try
        {
            return _session.ModelMetadata.CustomMetadataMap;
        }
        catch (Exception error) when (error is OnnxRuntimeException or NullReferenceException or ArgumentException)
        {
            // ONNX Runtime does not look at what it hands on.
            throw new ToolException($"{path}: its metadata is broken.", error);
        }
    }

    private static ToolException Broken(string path, Exception error) => new($"{path}: its metadata 'isvit.preprocessing' is broken: {error.Message}", error);

    // A model that is not of the catalogue has what its input needs among the texts. Files of 0.1 do not say how images are resized, nor the windows.
    private ModelPreset Preset(string model, Dictionary<string, string> texts, string path)
    {
        if (!texts.TryGetValue("isvit.preprocessing", out var text))
        {
            return ModelInput.Find(model);
        }

        try
        {
            using var json = JsonDocument.Parse(text);
            T Named<T>(JsonElement name)
                where T : struct, Enum => Enum.Parse<T>(name.GetString()!);
            var size = json.RootElement.GetProperty("size").GetInt32();
            var choice = new PreparationChoice(json.RootElement.GetProperty("crop").GetDouble(), json.RootElement.TryGetProperty("resize_mode", out var mode) ? Named<ResizeMode>(mode) : null);
            int? window = texts.TryGetValue(WindowKey, out var number) ? int.Parse(number, NumberStyles.None, CultureInfo.InvariantCulture) : null;
            if (ModelCatalog.Names.Contains(model.Split('.')[0], StringComparer.Ordinal))
            {
                var preset = ModelInput.Find(model).Prepared(choice);
                return preset with { Options = Windowed(preset.Options with { ImageSize = size }, window), Preprocessing = preset.Preprocessing with { ImageSize = size } };
            }

            float[] Channels(string key) => [.. json.RootElement.GetProperty(key).EnumerateArray().Select(static value => value.GetSingle())];
            var preprocessing = choice.Apply(new ImagePreprocessing
            {
                ImageSize = size,
                Filter = Named<ResampleFilter>(json.RootElement.GetProperty("filter")),
                Mean = Channels("mean"),
                Std = Channels("std"),
            });
            ModelOptions options = window is null ? new VisionTransformerOptions() : new SwinTransformerOptions();
            return new ModelPreset(model, Windowed(options with { ImageSize = size, InChannels = preprocessing.ChannelCount, ClassCount = _session.OutputMetadata[_output].Dimensions[^1] }, window), preprocessing);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or OverflowException or ArgumentException)
        {
            throw Broken(path, error);
        }
    }

    private static ModelOptions Windowed(ModelOptions options, int? window) => options is SwinTransformerOptions swin && window is { } size ? swin with { WindowSize = size } : options;

    /// <summary>Runs a batch.</summary>
    /// <param name="input">float32 [batch, channels, height, width].</param>
    /// <returns>float32 [batch, classes].</returns>
    public override unsafe torch.Tensor forward(torch.Tensor input)
    {
        using var plain = input.contiguous();
        var numbers = plain.bytes;
        fixed (byte* start = numbers)
        {
            using var images = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, TensorElementType.Float, input.shape, (nint)start, numbers.Length);
            using var options = new RunOptions();
            using var outputs = _session.Run(options, [_input], [images], [_output]);
            return torch.tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray()).view(outputs[0].GetTensorTypeAndShape().Shape);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _session.Dispose();
        }

        base.Dispose(disposing);
    }
}
