using IsVit.Core.Quantization;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Benchmarks.Quantizers;

/// <summary>One activation of 32 x 197 x 768 numbers, or of 512 x 197 x 768 on a CUDA device, whose caches would hold the former; fake-quantized in the ways that there are.</summary>
internal sealed class FakeQuantizationWork : IDisposable
{
    private readonly IQuantizer _quantizer;
    private readonly Composition _composition;
    private readonly torch.Tensor _x;
    private readonly torch.Tensor _leaf;
    private readonly torch.Tensor _upstream;
    private readonly torch.Tensor _mapped;

    private FakeQuantizationWork(string kind, int bits, torch.ScalarType type, torch.Device device)
    {
        torch.random.manual_seed(0);
        using var scope = torch.NewDisposeScope();
        var normal = torch.randn([device.type == DeviceType.CUDA ? 512 : 32, 197, 768], device: device);
        _x = (QuantizerKind.IsLogarithmic(kind) ? (normal * 3).softmax(-1) : normal).to(type).DetachFromDisposeScope();
        _leaf = _x.clone().requires_grad_().DetachFromDisposeScope();
        _upstream = torch.randn_like(_x).DetachFromDisposeScope();
        _mapped = torch.zeros_like(_x).DetachFromDisposeScope();
        _quantizer = QuantizerKind.Create(kind, bits);
        _quantizer.Calibrate(device.type == DeviceType.CUDA ? _x.narrow(1, 0, 13) : _x);
        _composition = new Composition(_quantizer, (int)_x.dim(), device);
    }

    /// <summary>Prepares numbers and a quantizer that is calibrated on them.</summary>
    /// <param name="kind">One of <see cref="QuantizerKind.All"/>.</param>
    /// <param name="bits">Bits.</param>
    /// <param name="type">The numbers' type.</param>
    /// <param name="device">Where they are.</param>
    public static FakeQuantizationWork Create(string kind, int bits, torch.ScalarType type = torch.ScalarType.Float32, torch.Device? device = null) => new(kind, bits, type, device ?? torch.CPU);

    /// <summary>The formula, operation by operation.</summary>
    public void CompositionForward()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        _composition.FakeQuantize(_x);
    }

    /// <summary>The formula, and autograd's way back through it.</summary>
    public void CompositionBoth()
    {
        using var scope = torch.NewDisposeScope();
        Backward(_composition.FakeQuantize(_leaf));
    }

    /// <summary>The library's reference: few operations, in place where that is possible, without autograd.</summary>
    public void SeparateForward()
    {
        using var eager = KernelSwitch.Eager();
        Forward();
    }

    /// <summary>The library's reference forward and backward.</summary>
    public void SeparateBoth()
    {
        using var eager = KernelSwitch.Eager();
        Both();
    }

    /// <summary>One pass into new memory.</summary>
    public void Forward()
    {
        using var output = _quantizer.FakeQuantize(_x);
    }

    /// <summary>One pass into memory that is there.</summary>
    public void ForwardMapped()
    {
        using var into = KernelSwitch.Into(_mapped);
        Forward();
    }

    /// <summary>One pass forward, one backward.</summary>
    public void Both()
    {
        using var scope = torch.NewDisposeScope();
        Backward(_quantizer.FakeQuantize(_leaf));
    }

    /// <summary>A copy into memory that is there: what the numbers' way through the processor costs.</summary>
    public void CopyMapped() => _mapped.copy_(_x);

    /// <summary>A copy into new memory.</summary>
    public void CopyNew() => _x.clone().Dispose();

    public void Dispose()
    {
        _composition.Dispose();
        _quantizer.Dispose();
        _x.Dispose();
        _leaf.Dispose();
        _upstream.Dispose();
        _mapped.Dispose();
    }

    // As inside a network, where the gradient flows on: a leaf would keep a copy of it.
    private void Backward(torch.Tensor output) => torch.autograd.grad([output], [_leaf], [_upstream]);
}
