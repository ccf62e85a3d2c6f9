using IsVit.Quantizers.Native;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>
/// One-pass kernels for float32, float16 and bfloat16 on CUDA devices. Every bit of float32 equals that of the separate tensor operations; the narrow types are
/// widened to float32, worked on, and rounded to the nearest, half to even, as <see cref="Quantizer"/> does with separate operations.
/// </summary>
/// <remarks>A method gives null, having given the device up, if its kernel turns out not to compile or not to start; <see cref="Supports"/> is false from then on.</remarks>
internal static class CudaKernels
{
    /// <summary>Whether the kernels serve this tensor; the first call for a device sets it up, which takes up to a second.</summary>
    public static bool Supports(torch.Tensor x) =>
        x.device_type == DeviceType.CUDA && KernelSwitch.FusedAllowed && CudaKernel.Supports(x.dtype) && !x.is_sparse && CudaDevices.Find(x.device_index) is not null;

    /// <summary>Why the kernels do not serve this tensor though they could; null if they do or need not. Given once in a process.</summary>
    public static string? Obstacle(torch.Tensor x) =>
        x.device_type == DeviceType.CUDA && KernelSwitch.FusedAllowed && CudaKernel.Supports(x.dtype) && !Supports(x) ? CudaFallback.Tell() : null;

    /// <summary>A uniform quantizer's values, or its gradient.</summary>
    /// <param name="x">Numbers that the kernels serve.</param>
    /// <param name="gradient">The gradient from above, of the shape of <paramref name="x"/>; null for the values.</param>
    /// <param name="scale">Each channel's scale, float32, on the device.</param>
    /// <param name="zeroPoint">Each channel's zero point, float32, on the device.</param>
    /// <param name="maxCode">The largest code.</param>
    /// <param name="axis">The axis of channels, -1 per tensor.</param>
    public static torch.Tensor? Uniform(torch.Tensor x, torch.Tensor? gradient, torch.Tensor scale, torch.Tensor zeroPoint, int maxCode, int axis)
    {
        using var pass = new CudaPass(x, gradient, axis);
        nint s = TensorAddress.Of(scale), z = TensorAddress.Of(zeroPoint);
        var kernel = CudaKernel.Uniform(x.dtype, gradient is not null, pass.Layout, pass.Elements.Head, Elements.IsPack(s) && Elements.IsPack(z));
        return pass.Run(kernel, new UniformParameters(s, z, pass.Layout, maxCode));
    }

    /// <summary>A table's levels, or the gradient.</summary>
    /// <param name="x">Numbers that the kernels serve.</param>
    /// <param name="gradient">The gradient from above, of the shape of <paramref name="x"/>; null for the levels.</param>
    /// <param name="table">The table.</param>
    /// <param name="thresholds">The table's thresholds, on the device.</param>
    /// <param name="levels">The table's levels, on the device.</param>
    public static torch.Tensor? Table(torch.Tensor x, torch.Tensor? gradient, LevelTable table, torch.Tensor thresholds, torch.Tensor levels)
    {
        using var pass = new CudaPass(x, gradient, axis: -1);
        var kernel = gradient is null ? CudaKernel.TableForward(x.dtype, table.Levels.Length)
            : table.Slope == SlopeKind.One ? CudaKernel.TableBackwardOne(x.dtype)
            : CudaKernel.TableBackwardRatio(x.dtype, table.Levels.Length);
        return pass.Run(kernel, new TableParameters(TensorAddress.Of(thresholds), TensorAddress.Of(levels), table));
    }
}
