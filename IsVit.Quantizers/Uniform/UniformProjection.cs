using IsVit.Core.Arithmetic;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Kernels.Cuda;
using IsVit.Quantizers.Projections;
using TorchSharp;

namespace IsVit.Quantizers.Uniform;

/// <summary>x' = s (clamp(round(x / s) + z, 0, max) - z): fused where a kernel serves, otherwise in separate tensor operations of the same bits.</summary>
internal sealed class UniformProjection(float[] scale, float[] zeroPoint, int maxCode) : IProjection
{
    private readonly DeviceCopies _scales = new();
    private readonly DeviceCopies _zeroPoints = new();

    public int ChannelCount => scale.Length;

    public bool Supports(torch.Tensor x) => FusedCpu.Supports(x) || CudaKernels.Supports(x);

    public torch.Tensor Encode(torch.Tensor x, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var (s, z) = Parameters(x, x.dtype, axis);
        return Positions(x, s, z).ClampInPlace(maxCode).to(torch.ScalarType.Byte).MoveToOuterDisposeScope();
    }

    public torch.Tensor Decode(torch.Tensor codes, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var (s, z) = Parameters(codes, torch.ScalarType.Float32, axis);
        return codes.to(torch.ScalarType.Float32).sub(z).mul_(s).MoveToOuterDisposeScope();
    }

    public torch.Tensor Project(torch.Tensor x, int axis)
    {
        if (FusedCpu.Supports(x))
        {
            return FusedCpu.Uniform(x, null, scale, zeroPoint, maxCode, axis);
        }

        if (CudaKernels.Supports(x))
        {
            return CudaKernels.Uniform(x, null, _scales.Get(scale, x.device), _zeroPoints.Get(zeroPoint, x.device), maxCode, axis) ?? WideProjection.Forward(this, x, axis);
        }

        using var scope = torch.NewDisposeScope();
        var (s, z) = Parameters(x, x.dtype, axis);
        return Positions(x, s, z).ClampInPlace(maxCode).sub_(z).mul_(s).MoveToOuterDisposeScope();
    }

    public torch.Tensor Gradient(torch.Tensor x, torch.Tensor gradient, int axis)
    {
        if (FusedCpu.Supports(x))
        {
            return FusedCpu.Uniform(x, gradient, scale, zeroPoint, maxCode, axis);
        }

        if (CudaKernels.Supports(x))
        {
            return CudaKernels.Uniform(x, gradient, _scales.Get(scale, x.device), _zeroPoints.Get(zeroPoint, x.device), maxCode, axis) ?? WideProjection.Backward(this, x, gradient, axis);
        }

        using var scope = torch.NewDisposeScope();
        var (s, z) = Parameters(x, x.dtype, axis);
        var positions = Positions(x, s, z);
        var inside = positions.IsWithin(0, maxCode);
        return torch.where(inside, gradient, torch.zeros([], gradient.dtype, gradient.device)).MoveToOuterDisposeScope();
    }

    public void Release()
    {
        _scales.Clear();
        _zeroPoints.Clear();
    }

    /// <summary>Codes before clamping. Division, not multiplication by a reciprocal: that is what gives the released code's codes at every tie.</summary>
    private static torch.Tensor Positions(torch.Tensor x, torch.Tensor s, torch.Tensor z) => x.div(s).round_().PlusInPlace(z);

    private (torch.Tensor Scale, torch.Tensor ZeroPoint) Parameters(torch.Tensor x, torch.ScalarType type, int axis)
    {
        var shape = new long[x.dim()];
        Array.Fill(shape, 1);
        if (axis >= 0)
        {
            shape[axis] = ChannelCount;
        }

        return (_scales.Get(scale, x.device).to(type).view(shape), _zeroPoints.Get(zeroPoint, x.device).to(type).view(shape));
    }
}
