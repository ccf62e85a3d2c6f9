using System.Runtime.InteropServices;
using IsVit.Model.Quantization;
using IsVit.Runtime;
using TorchSharp;

namespace IsVit.Tool.Inputs;

/// <summary>A saved model in IsVit.Runtime, called as a module.</summary>
/// <param name="model">The model.</param>
internal sealed class RuntimeClassifier(RuntimeModel model) : torch.nn.Module<torch.Tensor, torch.Tensor>(nameof(RuntimeClassifier))
{
    /// <summary>Opens a file that <c>isvit quantize</c> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <param name="threads">How many threads an image may have; null for one a core.</param>
    /// <exception cref="ToolException">The runtime cannot run it.</exception>
    public static RuntimeClassifier Open(string path, int? threads)
    {
        try
        {
            var options = new RuntimeOptions();
            return new(RuntimeModel.Load(path, threads is { } count ? options with { MaxDegreeOfParallelism = Math.Min(count, RuntimeOptions.MostThreads) } : options));
        }
        catch (QuantizationException error)
        {
            throw new ToolException(error.Message, error);
        }
    }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var pixels = input.contiguous();
        var outputs = model.Predict(MemoryMarshal.Cast<byte, float>(pixels.bytes));
        return torch.tensor(outputs, [input.shape[0], model.OutputWidth]);
    }
}
