using System.Reflection;
using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Uniform;

namespace IsVit.Tests.Contracts;

public sealed class QuantizerContractCoverageTests
{
    [Fact]
    public void EveryQuantizer_OfTheLibraries_RunsTheContract()
    {
        var quantizers = ((Assembly[])[typeof(UniformQuantizer).Assembly, typeof(IQuantizer).Assembly])
            .SelectMany(a => a.GetTypes())
            .Where(t => typeof(IQuantizer).IsAssignableFrom(t) && !t.IsAbstract);
        var covered = typeof(QuantizerContract).Assembly.GetTypes()
            .Where(t => t.IsSubclassOf(typeof(QuantizerContract)) && !t.IsAbstract)
            .Select(Made)
            .ToHashSet();

        Assert.NotEmpty(covered);
        Assert.All(quantizers, q => Assert.True(covered.Contains(q), $"{q} runs no contract: derive a class from {nameof(QuantizerContract)}."));
    }

    [Fact]
    public void EveryFactory_MakesWhatItsSchemeSays()
    {
        var factories = typeof(UniformQuantizer).Assembly.GetTypes().Where(t => typeof(IQuantizerFactory).IsAssignableFrom(t) && !t.IsAbstract).ToArray();
        Assert.NotEmpty(factories);
        foreach (var type in factories)
        {
            var factory = (IQuantizerFactory)Activator.CreateInstance(type)!;
            Assert.Throws<QuantizationException>(() => factory.Create(new("other", 5, Granularity.Tensor), isWeight: false));
            if (factory.Scheme == ChannelLevelsQuantizer.SchemeName)
            {
                using var ofChannels = factory.Create(new(factory.Scheme, 5, Granularity.Channel(0)), isWeight: true);
                Assert.Equal((factory.Scheme, (BitWidth)5, Granularity.Channel(0)), (ofChannels.Scheme, ofChannels.Bits, ofChannels.Granularity));
                Assert.Contains("per channel only", Assert.Throws<QuantizationException>(() => factory.Create(new(factory.Scheme, 5, Granularity.Tensor), false)).Message, StringComparison.Ordinal);
                continue;
            }

            using var quantizer = factory.Create(new(factory.Scheme, 5, Granularity.Tensor), isWeight: false);
            Assert.Equal((factory.Scheme, (BitWidth)5), (quantizer.Scheme, quantizer.Bits));
            if (factory.Scheme is UniformQuantizer.SchemeName or FreeLevelsQuantizer.SchemeName)
            {
                using var perChannel = factory.Create(new(factory.Scheme, 5, Granularity.Channel(0)), isWeight: true);
                Assert.Equal((factory.Scheme, Granularity.Channel(0)), (perChannel.Scheme, perChannel.Granularity));
                Assert.IsAssignableFrom<IReparameterizableQuantizer>(perChannel);
            }
            else
            {
                Assert.Contains("per tensor only", Assert.Throws<QuantizationException>(() => factory.Create(new(factory.Scheme, 5, Granularity.Channel(0)), false)).Message, StringComparison.Ordinal);
            }
        }
    }

    private static Type Made(Type contract)
    {
        var instance = Activator.CreateInstance(contract);
        var create = contract.GetMethod("Create", BindingFlags.Instance | BindingFlags.NonPublic)!;
        using var quantizer = (IQuantizer)create.Invoke(instance, [4])!;
        return quantizer.GetType();
    }
}
