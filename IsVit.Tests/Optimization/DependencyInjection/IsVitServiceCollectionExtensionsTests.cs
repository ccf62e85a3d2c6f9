using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Quantizers.Uniform;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.DependencyInjection;

public sealed class IsVitServiceCollectionExtensionsTests
{
    [Fact]
    public void AddIsVitQuantization_Default_GivesAQuantizer()
    {
        using var provider = new ServiceCollection().AddIsVitQuantization().BuildServiceProvider(new ServiceProviderOptions { ValidateScopes = true, ValidateOnBuild = true });
        provider.GetRequiredService<IStartupValidator>().Validate();

        Assert.NotNull(provider.GetRequiredService<ModelQuantizer>());
        Assert.Equal(4, provider.GetRequiredService<IOptions<QuantizationOptions>>().Value.WeightBits);
    }

    [Fact]
    public void AddIsVitQuantization_Configured_SameModelAsWithoutContainer()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using var byHand = Micro.Vit();
        var logger = new RecordingLogger<ModelQuantizer>();
        using var provider = new ServiceCollection()
            .AddSingleton<ILogger<ModelQuantizer>>(logger)
            .AddIsVitQuantization(static options =>
            {
                Micro.Quick(options);
                options.WeightBits = 3;
            })
            .BuildServiceProvider();

        using var quantized = provider.GetRequiredService<ModelQuantizer>().Run(model, Micro.Images());
        using var expected = Micro.Quantizer(static options => options.WeightBits = 3).Run(byHand, Micro.Images());

        Micro.AssertSame(Micro.Copy(byHand), Micro.Copy(model));
        Assert.Contains(logger.Events, static e => e.Id == 1 && Equals(e.Values["WeightBits"], 3));
    }

    [Fact]
    public void AddIsVitQuantization_Configuration_BindsEveryOption()
    {
        var section = Configuration(new()
        {
            ["IsVit:WeightBits"] = "3",
            ["IsVit:ActivationBits"] = "5",
            ["IsVit:Recipe"] = "sulq-only",
            ["IsVit:Seed"] = "12",
            ["IsVit:Calibration:ImageCount"] = "16",
            ["IsVit:OutputMetric"] = "Values",
            ["IsVit:Calibration:StatisticsImageCount"] = "48",
            ["IsVit:Calibration:Input"] = "Full",
            ["IsVit:Reconstruction:Iterations"] = "50",
            ["IsVit:Reconstruction:BatchSize"] = "16",
            ["IsVit:Reconstruction:LearningRate"] = "1e-4",
            ["IsVit:Reconstruction:DropProbability"] = "0.25",
            ["IsVit:Reconstruction:HeldOutShare"] = "0.2",
            ["IsVit:Reconstruction:Views"] = "3",
            ["IsVit:Reconstruction:Evaluations"] = "4",
            ["IsVit:Reconstruction:CacheBudgetBytes"] = "1000000000000",
            ["IsVit:Overrides:0:Pattern"] = "head",
            ["IsVit:Overrides:0:Bits"] = "8",
            ["IsVit:Overrides:1:Pattern"] = "blocks.*.mlp.fc1",
            ["IsVit:Overrides:1:Operand"] = "Weight",
            ["IsVit:Overrides:1:Quantize"] = "false",
        }).GetSection("IsVit");
        using var provider = new ServiceCollection().AddIsVitQuantization(section).BuildServiceProvider();

        var options = provider.GetRequiredService<IOptions<QuantizationOptions>>().Value;

        Assert.Equal((3, 5, "sulq-only", 12), (options.WeightBits, options.ActivationBits, options.Recipe, options.Seed));
        Assert.Equal(OutputMetric.Values, options.OutputMetric);
        Assert.Equal(new CalibrationOptions { ImageCount = 16, StatisticsImageCount = 48, Input = CalibrationInput.Full }, options.Calibration);
        Assert.Equal(new ReconstructionOptions { Iterations = 50, BatchSize = 16, LearningRate = 1e-4, DropProbability = 0.25, HeldOutShare = 0.2, Views = 3, Evaluations = 4, CacheBudgetBytes = 1_000_000_000_000 }, options.Reconstruction);
        Assert.Equal(
            [new SiteOverride { Pattern = "head", Bits = 8 }, new SiteOverride { Pattern = "blocks.*.mlp.fc1", Operand = SiteOperand.Weight, Quantize = false }],
            options.Overrides);
        Assert.NotNull(provider.GetRequiredService<ModelQuantizer>());
    }

    [Fact]
    public void AddIsVitQuantization_Twice_AddsNothing()
    {
        var services = new ServiceCollection().AddIsVitQuantization();
        var once = services.Select(static service => (service.ServiceType, service.ImplementationType)).ToList();

        Assert.Same(services, services.AddIsVitQuantization());

        Assert.Equal(once, services.Select(static service => (service.ServiceType, service.ImplementationType)));
        services.AddIsVitQuantization(static options => options.WeightBits = 3).AddIsVitQuantization(static options => options.ActivationBits = 5);
        using var provider = services.BuildServiceProvider();
        var options = provider.GetRequiredService<IOptions<QuantizationOptions>>().Value;
        Assert.Equal((3, 5), (options.WeightBits, options.ActivationBits));
        Assert.Single(provider.GetServices<ModelQuantizer>());
    }

    [Fact]
    public void AddIsVitQuantization_Named_EachNameHasItsOptions()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        using var byHand = Micro.Vit();
        using var provider = new ServiceCollection()
            .AddIsVitQuantization("small", static options =>
            {
                Micro.Quick(options);
                options.WeightBits = 3;
            })
            .AddIsVitQuantization("large", Configuration(new() { ["WeightBits"] = "8" }))
            .AddIsVitQuantization("small", static options => options.ActivationBits = 5)
            .AddIsVitQuantization()
            .BuildServiceProvider(new ServiceProviderOptions { ValidateScopes = true, ValidateOnBuild = true });
        provider.GetRequiredService<IStartupValidator>().Validate();

        var options = provider.GetRequiredService<IOptionsMonitor<QuantizationOptions>>();
        Assert.Equal((3, 5), (options.Get("small").WeightBits, options.Get("small").ActivationBits));
        Assert.Equal((8, 4), (options.Get("large").WeightBits, options.Get("large").ActivationBits));
        Assert.Equal(4, options.CurrentValue.WeightBits);
        using var quantized = provider.GetRequiredKeyedService<ModelQuantizer>("small").Run(model, Micro.Images());
        using var expected = Micro.Quantizer(static options => { (options.WeightBits, options.ActivationBits) = (3, 5); }).Run(byHand, Micro.Images());
        Micro.AssertSame(Micro.Copy(byHand), Micro.Copy(model));
        Assert.NotNull(provider.GetRequiredService<ModelQuantizer>());
        Assert.Null(provider.GetKeyedService<ModelQuantizer>("absent"));
    }

    [Fact]
    public void Start_NamedOptionOutOfRange_NamesOptionValueAndRange()
    {
        using var provider = new ServiceCollection().AddIsVitQuantization("small", static options => options.WeightBits = 9).BuildServiceProvider();

        Assert.Equal(["WeightBits is 9; allowed is 2 to 8."], Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IStartupValidator>().Validate()).Failures);
        Assert.Throws<OptionsValidationException>(() => provider.GetRequiredKeyedService<ModelQuantizer>("small"));
    }

    public static TheoryData<string, string, string> WrongConfiguration => new()
    {
        { "WeightBits", "9", "WeightBits is 9; allowed is 2 to 8." },
        { "Reconstruction:BatchSize", "0", "Reconstruction.BatchSize is 0; allowed is 1 to 2147483647." },
        { "Reconstruction:LearningRate", "-1", "Reconstruction.LearningRate is -1; allowed is any positive number." },
        { "Recipe", "isvi", "Recipe is 'isvi'; known are baseline, integer, isvit, " },
        { "Overrides:0:Scheme", "cubic", "Overrides[0].Scheme is 'cubic'; known are channel-levels, free-levels, log-sqrt2, " },
    };

    [Theory]
    [MemberData(nameof(WrongConfiguration))]
    public void Start_OptionOutOfRange_NamesOptionValueAndRange(string key, string value, string message)
    {
        using var provider = new ServiceCollection()
            .AddIsVitQuantization(Configuration(new() { [key] = value, ["Overrides:0:Pattern"] = "head" }))
            .BuildServiceProvider();

        var atStart = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IStartupValidator>().Validate());
        var onResolve = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<ModelQuantizer>());

        Assert.StartsWith(message, Assert.Single(atStart.Failures), StringComparison.Ordinal);
        Assert.Equal(atStart.Failures, onResolve.Failures);
    }

    /// <summary>What the binder leaves out silently means the default, which may be hours of work.</summary>
    [Theory]
    [InlineData("Reconstuction:Iterations", "10", "IsVit:Reconstuction: there is no option 'Reconstuction'; the nearest is 'Reconstruction'.")]
    [InlineData("Reconstruction:Iteration", "10", "IsVit:Reconstruction:Iteration: there is no option 'Iteration'; the nearest is 'Iterations'.")]
    [InlineData("iterations", "10", "IsVit:iterations: there is no option 'iterations'; the nearest is 'Reconstruction:Iterations'.")]
    [InlineData("Overrides:0:Bits", "four", "IsVit:Overrides:0:Bits is 'four'; expected a whole number.")]
    [InlineData("Overrides:0:Bit", "8", "IsVit:Overrides:0:Bit: there is no option 'Bit'; the nearest is 'Bits'.")]
    [InlineData("Overrides:1", "head", "IsVit:Overrides:1 is 'head'; expected a section with keys such as 'Pattern'.")]
    [InlineData("WeightBits:Value", "3", "IsVit:WeightBits:Value: 'WeightBits' is a single value and has no option 'Value'.")]
    [InlineData("Reconstruction", "10", "IsVit:Reconstruction is '10'; expected a section with keys such as 'Iterations'.")]
    public void Start_UnknownKey_NamesItItsPathAndTheNearest(string key, string value, string message)
    {
        var section = Configuration(new() { ["IsVit:" + key] = value, ["IsVit:Overrides:0:Pattern"] = "head", ["IsVit:Sparsity"] = "Keep", ["Logging:Level"] = "Debug" }).GetSection("IsVit");
        using var provider = new ServiceCollection().AddIsVitQuantization(section).AddIsVitQuantization("named", section).AddIsVitQuantization("other", static options => options.WeightBits = 3).BuildServiceProvider();

        Assert.Equal([message], Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<ModelQuantizer>()).Failures);
        Assert.Equal([message], Assert.Throws<OptionsValidationException>(() => provider.GetRequiredKeyedService<ModelQuantizer>("named")).Failures);
        Assert.NotNull(provider.GetRequiredKeyedService<ModelQuantizer>("other"));
        Assert.ThrowsAny<Exception>(() => provider.GetRequiredService<IStartupValidator>().Validate());
    }

    /// <summary>A whole configuration has keys of others, but nobody else's is nearly an option's.</summary>
    [Fact]
    public void Start_WholeConfiguration_OnlyNearlyKnownKeysAreErrors()
    {
        static IReadOnlyList<string> Failures(string key)
        {
            using var provider = new ServiceCollection().AddIsVitQuantization(Configuration(new() { [key] = "1", ["PATH"] = "/bin", ["Logging:Level"] = "Debug", ["weightbits"] = "3" })).BuildServiceProvider();
            try
            {
                Assert.Equal(3, provider.GetRequiredService<IOptions<QuantizationOptions>>().Value.WeightBits);
                return [];
            }
            catch (OptionsValidationException error)
            {
                return [.. error.Failures];
            }
        }

        Assert.Empty(Failures("HOME"));
        Assert.Equal(["Reconstuction: there is no option 'Reconstuction'; the nearest is 'Reconstruction'."], Failures("Reconstuction:Iterations"));
        Assert.Equal(["Reconstruction:Iter: there is no option 'Iter'; the nearest is 'Views'."], Failures("Reconstruction:Iter"));
    }

    [Fact]
    public void AddIsVitQuantization_OwnParts_TakeTheBuiltInOnesPlaces()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var factory = new OwnFactory();
        var ran = new List<string>();
        var loss = new OwnLoss();
        var recipe = QuantizationRecipe.Build("own").Weights(SchemeNames.UniformMse).Activations(SchemeNames.UniformMse)
            .Then(
                BuiltIn.Stage(StageNames.ActivationCalibration),
                BuiltIn.Stage(StageNames.ActivationReconstruction),
                BuiltIn.Stage(StageNames.Reparameterization),
                new ProbeStage("own-stage", _ => ran.Add("own"))).Create();
        using var provider = new ServiceCollection()
            .AddIsVitQuantization(static options =>
            {
                Micro.Quick(options);
                options.Recipe = "own";
            })
            .AddSingleton<IQuantizerFactory>(factory)
            .AddSingleton<IQuantizationStage>(new ProbeStage(StageNames.Reparameterization, _ => ran.Add("reparameterization")))
            .AddSingleton<IReconstructionLoss>(loss)
            .AddSingleton(recipe)
            .BuildServiceProvider();
        provider.GetRequiredService<IStartupValidator>().Validate();

        using var quantized = provider.GetRequiredService<ModelQuantizer>().Run(model, Micro.Images());

        Assert.Equal(["reparameterization", "own"], ran);
        Assert.True(factory.Created >= 10);
        Assert.True(loss.Calls > 10);
        Assert.Equal("own", quantized.Report!.Recipe);
    }

    [Fact]
    public void AddIsVitQuantization_LossRegisteredBefore_IsKept()
    {
        using var provider = new ServiceCollection().AddSingleton<IReconstructionLoss, OwnLoss>().AddIsVitQuantization().BuildServiceProvider();

        Assert.IsType<OwnLoss>(Assert.Single(provider.GetServices<IReconstructionLoss>()));
    }

    [Fact]
    public void AddIsVitQuantization_Null_Throws()
    {
        Assert.Throws<ArgumentNullException>(static () => ((IServiceCollection)null!).AddIsVitQuantization());
        Assert.Throws<ArgumentNullException>(static () => new ServiceCollection().AddIsVitQuantization((Action<QuantizationOptions>)null!));
        Assert.Throws<ArgumentNullException>(static () => new ServiceCollection().AddIsVitQuantization((IConfiguration)null!));
    }

    private static IConfiguration Configuration(Dictionary<string, string?> values) => new ConfigurationBuilder().AddInMemoryCollection(values).Build();

    private sealed class OwnFactory : IQuantizerFactory
    {
        public int Created { get; private set; }

        public string Scheme => SchemeNames.UniformMse;

        public IQuantizer Create(QuantizerSpec spec, bool isWeight)
        {
            Created++;
            return new UniformQuantizer(spec.Bits, spec.Granularity);
        }
    }

    private sealed class OwnLoss : IReconstructionLoss
    {
        public int Calls { get; private set; }

        public Tensor Compute(Tensor output, Tensor target)
        {
            Calls++;
            return (output - target).pow(2).mean();
        }
    }
}
