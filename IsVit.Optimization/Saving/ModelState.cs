using static TorchSharp.torch;

namespace IsVit.Optimization.Saving;

/// <summary>The parameters and buffers of a module by name.</summary>
internal static class ModelState
{
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
