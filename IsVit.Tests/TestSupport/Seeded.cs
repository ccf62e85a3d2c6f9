using TorchSharp;

namespace IsVit.Tests.TestSupport;

/// <summary>Random tensors that depend on their seed alone, whatever ran before: each draws from a generator of its own.</summary>
internal static class Seeded
{
    /// <summary>Independent standard normal values.</summary>
    public static torch.Tensor Normal(int seed, params long[] shape)
    {
        using torch.Generator generator = Generator(seed);
        return torch.randn(shape, generator: generator);
    }

    /// <summary>Independent values uniform in [0, 1).</summary>
    public static torch.Tensor Uniform(int seed, params long[] shape)
    {
        using torch.Generator generator = Generator(seed);
        return torch.rand(shape, generator: generator);
    }

    /// <summary>A CPU generator that begins at <paramref name="seed"/>.</summary>
    public static torch.Generator Generator(int seed) => new((ulong)seed, torch.CPU);
}
