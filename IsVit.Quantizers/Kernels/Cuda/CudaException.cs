namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>The driver or the run-time compiler refused something.</summary>
internal sealed class CudaException(string message) : Exception(message);
