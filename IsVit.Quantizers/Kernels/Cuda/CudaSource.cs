namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>The kernels' source, kept in this assembly.</summary>
internal static class CudaSource
{
    /// <summary>The file's name, as compilers report it.</summary>
    public const string FileName = "fake_quantize.cu";

    /// <summary>The whole text.</summary>
    public static string Read()
    {
        using var stream = typeof(CudaSource).Assembly.GetManifestResourceStream(typeof(CudaSource), FileName)
            ?? throw new CudaException($"The assembly holds no {FileName}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
