using IsVit.Core.Models;
using IsVit.Core.Models.Pretrained;
using TorchSharp;

namespace IsVit.Tool.Inputs;

/// <summary>A classifier that answers, by what the user gave: a quantized model's file, a graph for ONNX Runtime, or float weights.</summary>
internal sealed class ClassifierSource : IDisposable
{
    private readonly IDisposable? _owner;

    private ClassifierSource(torch.nn.Module<torch.Tensor, torch.Tensor> module, ModelPreset preset, int classCount, IReadOnlyList<string>? classes, IDisposable? owner = null) =>
        (Module, Preset, ClassCount, Classes, _owner) = (module, preset, classCount, classes, owner);

    /// <summary>[batch, channels, height, width] to [batch, classes], in evaluation mode.</summary>
    public torch.nn.Module<torch.Tensor, torch.Tensor> Module { get; }

    /// <summary>Its name and how images are prepared for it.</summary>
    public ModelPreset Preset { get; }

    /// <summary>The number of classes; 0 if it outputs features.</summary>
    public int ClassCount { get; }

    /// <summary>The names of the classes, if its files say them.</summary>
    public IReadOnlyList<string>? Classes { get; }

    /// <summary>Loads a quantized model.</summary>
    /// <param name="path">The file that <c>isvit quantize</c> saved, or <c>isvit export</c> for ONNX Runtime.</param>
    /// <param name="choice">How images are prepared otherwise than the file says.</param>
    /// <param name="device">Where it runs.</param>
    /// <exception cref="ToolException">There is no such file, it is of another kind, or of a detector.</exception>
    public static ClassifierSource OfQuantized(string path, PreparationChoice choice, torch.Device device)
    {
        if (!OnnxClassifier.Supports(path))
        {
            ModelKinds.RequireClassifier(path, "classify");
            var description = RunDescription.Read(path);
            var preset = description.Preset(choice);
            var (quantized, module) = description.Load(path, device);
            return new(module, preset, description.ClassCount, description.Classes, quantized);
        }

        OnnxClassifier.RequireProcessor(device);
        var onnx = OnnxClassifier.Open(path);
        try
        {
            var description = onnx.Describe(path);
            return new(onnx, description.Preset(choice), description.ClassCount, description.Classes);
        }
        catch
        {
            onnx.Dispose();
            throw;
        }
    }

    /// <summary>Loads a float model.</summary>
    /// <param name="weights">A file, or a folder such as a snapshot of a model hub.</param>
    /// <param name="choice">What is not to be taken from the files.</param>
    /// <param name="preparation">How images are prepared otherwise than the files say.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="report">Where is said what was found out.</param>
    /// <exception cref="ToolException">There is no such file or model.</exception>
    public static ClassifierSource OfWeights(string weights, PretrainedModelOptions choice, PreparationChoice preparation, torch.Device device, TextWriter report)
    {
        using var source = ModelInput.Open(weights, choice, null, report);
        var module = source.Load();
        module.to(device);
        return new(module, source.Preset(preparation), source.Description.Architecture.ClassCount, source.Description.Classes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _owner?.Dispose();
        Module.Dispose();
    }
}
