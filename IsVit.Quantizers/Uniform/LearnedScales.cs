using TorchSharp;

namespace IsVit.Quantizers.Uniform;

/// <summary>Scales that are being trained, each as the logarithm of its ratio to where it began: it stays positive, and one learning rate serves large and small ones.</summary>
internal sealed class LearnedScales : IDisposable
{
    private readonly float[] _initial;

    /// <param name="scales">The scales at the beginning, positive.</param>
    public LearnedScales(float[] scales)
    {
        _initial = scales;
        Logarithms = torch.zeros([scales.Length], torch.ScalarType.Float32, requires_grad: true).DetachFromDisposeScope();
    }

    /// <summary>The natural logarithm of each scale's ratio to where it began, float32, on the CPU.</summary>
    public torch.Tensor Logarithms { get; }

    /// <summary>The scales as they are now.</summary>
    public float[] Scales()
    {
        var scales = new float[_initial.Length];
        var logarithms = Logarithms.data<float>();
        for (var i = 0; i < scales.Length; i++)
        {
            scales[i] = _initial[i] * MathF.Exp(logarithms[i]);
        }

        return scales;
    }

    public void Dispose() => Logarithms.Dispose();
}
