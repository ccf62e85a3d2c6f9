using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Google.Protobuf;
using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Model.Architectures;
using IsVit.Model.Files;
using IsVit.Model.Imaging;
using IsVit.Onnx.Detectors;
using IsVit.Onnx.Graph;
using IsVit.Onnx.Models;
using IsVit.Onnx.Quantization;
using IsVit.Onnx.Schema;
using IsVit.Optimization;
using TorchSharp;

namespace IsVit.Onnx;

/// <summary>
/// Writes vision transformers and detectors as ONNX files (operator set 20, IR version 9), without Python. Weights of quantized models are integers, two per byte if they fit into 4 bits; activations are quantized to codes of
/// their width with the same comparisons and roundings as the quantizers, and dequantized before a product. With <see cref="OnnxKernels.Fast"/>, weights of up to 4 bits that multiply float activations have
/// a 4-bit type, which needs operator set 21 and IR version 10.
/// </summary>
public static class OnnxExport
{
    private const string BatchAxis = "batch";

    /// <summary>Writes a float model.</summary>
    /// <param name="model">A vision transformer or Swin in float32, on any device; exported as in evaluation mode, with dropout and stochastic depth left out.</param>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="options">Names and metadata; null for the defaults.</param>
    /// <exception cref="OnnxExportException">The model has a part that cannot be exported.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(ImageClassifier model, string path, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Save(model, SiteNodes.None, path, options ?? new(), []);
    }

    /// <summary>
    /// Writes a float detector, for one image of any size at a time. Inputs: <c>image</c> [1, channels, height, width], resized and normalized but not padded, and <c>scale</c> [2], pixels of <c>image</c> per pixel of the
    /// original along x and y (<see cref="ImageGeometry.ScaleX"/>, <see cref="ImageGeometry.ScaleY"/>). Outputs, best object first: <c>boxes</c> [objects, 4] in pixels of the original, <c>scores</c> [objects], <c>labels</c>
    /// [objects], int64, and <c>masks</c> [objects, side, side], the probabilities within each box that <see cref="Detection.Operators.MaskPaste"/> brings onto the original.
    /// </summary>
    /// <param name="detector">A detector in float32, on any device; exported as in evaluation mode.</param>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="options">Metadata; null for the defaults.</param>
    /// <exception cref="OnnxExportException">The detector has a part that cannot be exported.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(Detector detector, string path, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(detector);
        Save(detector, SiteNodes.None, path, options ?? new(), []);
    }

    /// <summary>Writes a quantized model.</summary>
    /// <param name="quantized">A quantized <see cref="ImageClassifier"/> or <see cref="Detector"/>, the latter with the inputs and outputs of <see cref="Save(Detector, string, OnnxExportOptions?)"/>.</param>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="options">Names and metadata; null for the defaults.</param>
    /// <exception cref="OnnxExportException">The model is neither an <c>ImageClassifier</c> nor a <c>Detector</c>, or has a part or a quantizer that cannot be exported.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(QuantizedModel quantized, string path, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(quantized);
        var bindings = quantized.QuantizedSites.ToList();
        options ??= new();
        Save(quantized.Forward.Module, new SiteNodes(bindings, options.Kernels), path, options, Description(quantized, bindings, options.Kernels));
    }

    private static void Save(torch.nn.Module model, SiteNodes sites, string path, OnnxExportOptions options, IEnumerable<KeyValuePair<string, string>> description)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (model.parameters().FirstOrDefault(static parameter => parameter.dtype != torch.ScalarType.Float32) is { } wrong)
        {
            throw new OnnxExportException($"The model's parameters are {wrong.dtype}; expected Float32. Convert it first: model.to(torch.float32).");
        }

        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var graph = new OnnxGraph(model.GetType().Name);
        var layers = new LayerNodes(graph, sites);
        switch (model)
        {
            case VisionTransformer vit:
                Classify(graph, vit, new VisionTransformerNodes(layers, vit).Add, vit.Options, options);
                break;
            case SwinTransformer swin:
                Classify(graph, swin, new SwinTransformerNodes(layers, swin).Add, swin.Options, options);
                break;
            case Detector detector:
                Detect(graph, detector, layers, options);
                description = description.Append(new("isvit.mask_threshold", detector.Options.MaskThreshold.ToString(CultureInfo.InvariantCulture)));
                break;
            default:
                throw new OnnxExportException($"A model of type {model.GetType().Name} cannot be exported; expected a {nameof(VisionTransformer)}, a {nameof(SwinTransformer)}, a {nameof(MaskRcnn)} or a {nameof(CascadeMaskRcnn)}.");
        }

        sites.RequireAllUsed();
        var message = Message(graph, options, description);
        WholeFile.Write(path, stream => message.WriteTo(stream));
    }

    private static void Classify(OnnxGraph graph, ImageClassifier model, Func<string, string> emit, ModelOptions shape, OnnxExportOptions options)
    {
        var logits = emit(graph.Input(options.InputName, BatchAxis, shape.InChannels, shape.ImageSize, (shape as VisionTransformerOptions)?.ImageWidth ?? shape.ImageSize));
        graph.Output(logits, options.OutputName, BatchAxis, model.OutputWidth);
    }

    private static void Detect(OnnxGraph graph, Detector detector, LayerNodes layers, OnnxExportOptions options)
    {
        const string Objects = "objects";
        var side = 2L * detector.Options.MaskFeatureSize;
        var image = graph.Input("image", [1, detector.Options.Backbone.InChannels, "height", "width"]);
        var multiple = (options.DetectorPreprocessing ?? new DetectorPreprocessing()).Multiple;
        ArgumentOutOfRangeException.ThrowIfLessThan(multiple, 1, $"{nameof(OnnxExportOptions.DetectorPreprocessing)}.{nameof(DetectorPreprocessing.Multiple)}");
        var found = new DetectorNodes(layers, detector, multiple).Add(image, graph.Input("scale", [2]));
        graph.Output(found.Boxes, "boxes", TensorProto.Types.DataType.Float, [Objects, 4]);
        graph.Output(found.Scores, "scores", TensorProto.Types.DataType.Float, [Objects]);
        graph.Output(found.Labels, "labels", TensorProto.Types.DataType.Int64, [Objects]);
        graph.Output(found.Masks, "masks", TensorProto.Types.DataType.Float, [Objects, side, side]);
    }

    private static ModelProto Message(OnnxGraph graph, OnnxExportOptions options, IEnumerable<KeyValuePair<string, string>> description)
    {
        var message = graph.Model();
        message.ProducerName = "IsVit";
        message.ProducerVersion = typeof(OnnxExport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";
        var texts = new SortedDictionary<string, string>(description.ToDictionary(StringComparer.Ordinal), StringComparer.Ordinal);
        if (options.Preprocessing is { } preprocessing)
        {
            texts["isvit.preprocessing"] = Text(preprocessing);
        }

        if (options.DetectorPreprocessing is { } detection)
        {
            texts["isvit.preprocessing"] = Text(detection);
        }

        foreach (var (key, value) in options.Metadata)
        {
            texts[key] = value;
        }

        message.MetadataProps.Add(texts.Select(static entry => new StringStringEntryProto { Key = entry.Key, Value = entry.Value }));
        return message;
    }

    private static Dictionary<string, string> Description(QuantizedModel quantized, IReadOnlyList<SiteBinding> bindings, OnnxKernels kernels)
    {
        static string Widths(IEnumerable<SiteBinding> sites) => string.Join(",", sites.Select(static binding => binding.Quantizer.Bits.Bits).Distinct().Order().Select(static bits => bits.ToString(CultureInfo.InvariantCulture)));
        var texts = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["isvit.weight_bits"] = Widths(bindings.Where(static binding => binding.IsWeight)),
            ["isvit.activation_bits"] = Widths(bindings.Where(static binding => !binding.IsWeight)),
        };
        texts["isvit.kernels"] = kernels.ToString();
        if (quantized.Report is { } report)
        {
            texts["isvit.method"] = report.Recipe;
        }

        return texts;
    }

    private static string Text(ImagePreprocessing preprocessing) => JsonSerializer.Serialize(new
    {
        size = preprocessing.ImageSize,
        crop = preprocessing.CropFraction,
        resize = preprocessing.ResizeSize,
        resize_mode = preprocessing.ResizeMode.ToString(),
        filter = preprocessing.Filter.ToString(),
        mean = preprocessing.Mean,
        std = preprocessing.Std,
    });

    private static string Text(DetectorPreprocessing preprocessing) => JsonSerializer.Serialize(new
    {
        short_side = preprocessing.ShortSide,
        long_side = preprocessing.LongSide,
        mean = preprocessing.Mean,
        std = preprocessing.Std,
        multiple = preprocessing.Multiple,
    });
}
