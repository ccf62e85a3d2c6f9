using IsVit.Detection.Operators;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Benchmarks.Detection;

/// <summary>Regions of interest of an image of 800 x 1216 pixels, pooled from four levels of 256 channels.</summary>
internal sealed class RoiAlignWork : IDisposable
{
    private const int Height = 800;
    private const int Width = 1216;
    private const int Channels = 256;
    private static readonly int[] s_strides = [4, 8, 16, 32];

    private readonly torch.Tensor[] _features;
    private readonly torch.Tensor[] _trained;
    private readonly torch.Tensor _rois;
    private readonly torch.Tensor _gradient;
    private readonly int _size;

    /// <summary>Makes maps and regions.</summary>
    /// <param name="regions">How many regions.</param>
    /// <param name="size">Bins on a side.</param>
    /// <param name="device">Where they are; null for the CPU.</param>
    public RoiAlignWork(int regions, int size, torch.Device? device = null)
    {
        using var scope = torch.NewDisposeScope();
        _size = size;
        _features = [.. s_strides.Select(stride => torch.randn([1, Channels, Height / stride, Width / stride]).to(device ?? torch.CPU).DetachFromDisposeScope())];
        _trained = [.. _features.Select(static map => map.clone().requires_grad_().DetachFromDisposeScope())];
        _rois = torch.tensor(Regions(regions)).view(-1, 5).to(device ?? torch.CPU).DetachFromDisposeScope();
        _gradient = torch.randn([regions, Channels, size, size]).to(device ?? torch.CPU).DetachFromDisposeScope();
    }

    /// <summary>One pass.</summary>
    public void Forward() => Pool(_features).Dispose();

    /// <summary>Separate tensor operations.</summary>
    public void SeparateForward()
    {
        using var eager = KernelSwitch.Eager();
        Forward();
    }

    /// <summary>One pass there, and one back.</summary>
    public void Both()
    {
        using var scope = torch.NewDisposeScope();
        torch.autograd.backward([Pool(_trained)], [_gradient]);
        foreach (var map in _trained)
        {
            map.grad = null;
        }
    }

    /// <summary>Separate tensor operations there and back.</summary>
    public void SeparateBoth()
    {
        using var eager = KernelSwitch.Eager();
        Both();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in (torch.Tensor[])[.. _features, .. _trained, _rois, _gradient])
        {
            tensor.Dispose();
        }
    }

    private torch.Tensor Pool(torch.Tensor[] features) => PyramidRoiAlign.Apply(features, _rois, _size, _size, s_strides);

    // Sides of 16 to 800 pixels, evenly by their logarithm, and of ratios up to 2, clipped to the image.
    private static float[] Regions(int count)
    {
        var random = new Random(1);
        var rois = new float[count * 5];
        for (var i = 0; i < count; i++)
        {
            var side = 16 * Math.Pow(50, random.NextDouble());
            var ratio = Math.Pow(2, random.NextDouble() - 0.5);
            var (x, y) = (random.NextDouble() * Width, random.NextDouble() * Height);
            rois[i * 5 + 1] = (float)Math.Max(x - side * ratio / 2, 0);
            rois[i * 5 + 2] = (float)Math.Max(y - side / ratio / 2, 0);
            rois[i * 5 + 3] = (float)Math.Min(x + side * ratio / 2, Width);
            rois[i * 5 + 4] = (float)Math.Min(y + side / ratio / 2, Height);
        }

        return rois;
    }
}
