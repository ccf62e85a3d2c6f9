using IsVit.Quantizers.Kernels.Cuda;
using TorchSharp;

namespace IsVit.Quantizers;

/// <summary>Whether quantizers compute in one pass what separate tensor operations compute in several.</summary>
internal static class FusedKernels
{
    /// <summary>Why tensors like this one get separate operations where a fused kernel could serve, for a log; null where nothing stands in the way.</summary>
    public static string? Obstacle(torch.Tensor like) => CudaKernels.Obstacle(like);
}
