using IsVit.Core.Graph;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Chooses where a stream's activations are kept.</summary>
internal static class ActivationStores
{
    /// <summary>What of so many bytes of activations counts towards the budget of memory.</summary>
    public static long BytesInMemory(ReconstructionOptions options, long bytes) => options.Cache switch
    {
        ActivationStorage.Memory => bytes,
        ActivationStorage.BFloat16 => bytes / 2,
        ActivationStorage.Automatic when bytes <= options.CacheBudgetBytes => bytes,
        _ => 0,
    };

    /// <summary>The store; null to leave activations where they are.</summary>
    /// <param name="options">The options.</param>
    /// <param name="bytes">What activations take as the model makes them.</param>
    public static IActivationStore? Create(ReconstructionOptions options, long bytes) => options.Cache switch
    {
        ActivationStorage.BFloat16 => new BFloat16Store(),
        ActivationStorage.Disk => new MappedStore(options.CacheDirectory ?? Path.GetTempPath()),
        ActivationStorage.Automatic when bytes > options.CacheBudgetBytes => new MappedStore(options.CacheDirectory ?? Path.GetTempPath()),
        _ => null,
    };
}
