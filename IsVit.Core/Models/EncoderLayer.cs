using IsVit.Core.Arithmetic;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// TorchSharp's <c>TransformerEncoderLayer</c> as modules that hooks can reach: x = norm1(x + attention(x)), then norm2(x + linear2(activation(linear1(x)))), without
/// masks and dropout.
/// </summary>
public sealed class EncoderLayer : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Attention self_attn;
    private readonly LayerNorm norm1;
    private readonly Linear linear1;
    private readonly torch.nn.Module<torch.Tensor, torch.Tensor> activation;
    private readonly Linear linear2;
    private readonly LayerNorm norm2;

    private EncoderLayer(NativeParameters weights, string prefix, int headCount, torch.nn.Activations kind)
        : base(nameof(EncoderLayer))
    {
        var hidden = weights.Get($"{prefix}linear1.weight").shape;
        var width = (int)hidden[1];
        self_attn = new Attention(width, headCount);
        norm1 = torch.nn.LayerNorm(width);
        linear1 = torch.nn.Linear(width, hidden[0]);
        activation = kind switch
        {
            torch.nn.Activations.GELU => torch.nn.GELU(),
            torch.nn.Activations.ReLU => torch.nn.ReLU(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, $"The activation is {kind}; expected GELU or ReLU."),
        };
        linear2 = torch.nn.Linear(hidden[0], width);
        norm2 = torch.nn.LayerNorm(width);
        RegisterComponents();

        self_attn.CopyFrom(weights, $"{prefix}self_attn.");
        weights.Copy($"{prefix}norm1.", norm1);
        weights.Copy($"{prefix}linear1.", linear1);
        weights.Copy($"{prefix}linear2.", linear2);
        weights.Copy($"{prefix}norm2.", norm2);
    }

    /// <summary>Creates a copy of one layer.</summary>
    /// <param name="layer">The layer; its weights are copied.</param>
    /// <param name="headCount">The number of its heads, which the layer itself does not expose, nor its activation.</param>
    /// <param name="activation">Its activation.</param>
    /// <exception cref="ArgumentException">The layer's output differs from that of its copy with these heads and this activation.</exception>
    public static EncoderLayer From(TransformerEncoderLayer layer, int headCount, torch.nn.Activations activation = torch.nn.Activations.ReLU)
    {
        ArgumentNullException.ThrowIfNull(layer);
        var weights = new NativeParameters(nameof(layer), layer);
        var copy = new EncoderLayer(weights, "", headCount, activation);
        weights.RequireAllUsed();
        weights.RequireSame(copy, (int)copy.norm1.weight!.shape[0], layer.call, Told(headCount, activation));
        return copy;
    }

    /// <summary>Creates a copy of a whole encoder: its layers one after the other.</summary>
    /// <param name="encoder">The encoder, without a final normalization; its weights are copied.</param>
    /// <param name="headCount">The number of heads of each layer, which the encoder itself does not expose, nor the activation.</param>
    /// <param name="activation">The activation of each layer.</param>
    /// <exception cref="ArgumentException">The encoder's output differs from that of its copy with these heads and this activation.</exception>
    public static Sequential From(TransformerEncoder encoder, int headCount, torch.nn.Activations activation = torch.nn.Activations.ReLU)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        var weights = new NativeParameters(nameof(encoder), encoder);
        var layers = new List<EncoderLayer>();
        while (weights.Has($"layers.{layers.Count}.linear1.weight"))
        {
            layers.Add(new EncoderLayer(weights, $"layers.{layers.Count}.", headCount, activation));
        }

        var copy = torch.nn.Sequential(layers);
        weights.RequireAllUsed();
        weights.RequireSame(copy, (int)layers[0].norm1.weight!.shape[0], x => encoder.call(x), Told(headCount, activation));
        return copy;
    }

    /// <summary>Applies the layer.</summary>
    /// <param name="input">[tokens, batch, width].</param>
    /// <returns>[tokens, batch, width].</returns>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = torch.NewDisposeScope();
        var x = norm1.call(input.Plus(self_attn.call(input.transpose(0, 1)).transpose(0, 1)));
        x = norm2.call(x.Plus(linear2.call(activation.call(linear1.call(x)))));
        return scope.MoveToOuter(x);
    }

    private static string Told(int headCount, torch.nn.Activations activation) => FormattableString.Invariant($"{nameof(headCount)} ({headCount}) and {nameof(activation)} ({activation})");
}
