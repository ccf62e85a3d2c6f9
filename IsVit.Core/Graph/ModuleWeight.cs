using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>The weight and bias of a linear layer or a convolution.</summary>
/// <remarks>
/// The public setter of <c>weight</c> disposes the parameter it replaces, which the user's optimizer may hold; a weight that is put in place for
/// one forward is therefore written to the field behind it.
/// </remarks>
internal static class ModuleWeight
{
    public static bool Has(nn.Module module) => module is Linear or Convolution { transposed: false };

    /// <summary>Whether a module multiplies matrices where no hook and no weight can be reached.</summary>
    public static bool IsOpaque(nn.Module module) => module is MultiheadAttention or Transformer or TransformerEncoder or TransformerEncoderLayer
        or TransformerDecoder or TransformerDecoderLayer or RNN or LSTM or GRU or RNNCell or LSTMCell or GRUCell or Bilinear or Convolution { transposed: true };

    /// <summary>The float weight, also while another stands in for it.</summary>
    public static Parameter Get(nn.Module module) => Has(module)
        ? module.get_parameter("weight")!
        : throw new ArgumentException($"A module of type {module.GetType()} is neither a linear layer nor a convolution.", nameof(module));

    /// <summary>The weight that a forward computes with.</summary>
    public static Parameter InUse(nn.Module module) => Field(module)!;

    public static void Put(nn.Module module, Parameter weight) => Field(module) = weight;

    /// <summary>Puts a bias in place for one forward, as <see cref="Put"/> does a weight.</summary>
    public static void PutBias(nn.Module module, Parameter bias)
    {
        switch (module)
        {
            case Linear linear:
                LinearBias(linear) = bias;
                break;
            case Convolution convolution:
                ConvolutionBias(convolution) = bias;
                break;
            default:
                throw new ArgumentException($"A module of type {module.GetType()} has no bias that could be put in place.", nameof(module));
        }
    }

    public static Parameter? Bias(nn.Module module) => module switch
    {
        Linear linear => linear.bias,
        Convolution convolution => convolution.bias,
        LayerNorm norm => norm.bias,
        _ => null,
    };

    public static void SetBias(nn.Module module, Parameter? bias)
    {
        switch (module)
        {
            case Linear linear:
                linear.bias = bias;
                break;
            case Convolution convolution:
                convolution.bias = bias;
                break;
            case LayerNorm norm:
                norm.bias = bias;
                break;
            default:
                throw new ArgumentException($"A module of type {module.GetType()} has no bias.", nameof(module));
        }
    }

    private static ref Parameter? Field(nn.Module module)
    {
        switch (module)
        {
            case Linear linear:
                return ref LinearWeight(linear);
            case Convolution convolution:
                return ref ConvolutionWeight(convolution);
            default:
                throw new ArgumentException($"A module of type {module.GetType()} has no weight.", nameof(module));
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_weight")]
    private static extern ref Parameter? LinearWeight(Linear module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_weight")]
    private static extern ref Parameter? ConvolutionWeight(Convolution module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_bias")]
    private static extern ref Parameter? LinearBias(Linear module);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_bias")]
    private static extern ref Parameter? ConvolutionBias(Convolution module);
}
