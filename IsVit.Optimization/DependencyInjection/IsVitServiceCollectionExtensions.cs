using IsVit.Core.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.DependencyInjection;
using IsVit.Optimization.Options;
using IsVit.Optimization.Stages;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="ModelQuantizer"/>.</summary>
public static class IsVitServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="ModelQuantizer"/> with the default options. Further <see cref="IQuantizerFactory"/>, <see cref="IQuantizationStage"/> and
    /// <see cref="QuantizationRecipe"/> services are used in addition to the built-in ones, and replace those with the same name; an
    /// <see cref="IReconstructionLoss"/> replaces the built-in loss. Calling it again adds nothing.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddIsVitQuantization(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(static service => service.ImplementationType == typeof(QuantizationOptionsValidator)))
        {
            return services;
        }

        services.AddOptions<QuantizationOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<QuantizationOptions>, QuantizationOptionsValidator>());
        services.TryAddSingleton<IReconstructionLoss, SquaredErrorLoss>();
        services.TryAddSingleton(static provider => BuiltIn.CreateRegistry(provider.GetServices<IQuantizerFactory>()));
        services.TryAddTransient(static provider => Create(provider, Options.Options.DefaultName));
        return services;
    }

    /// <summary>Registers <see cref="ModelQuantizer"/> and changes its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddIsVitQuantization(this IServiceCollection services, Action<QuantizationOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        services.AddIsVitQuantization().Configure(configure);
        return services;
    }

    /// <summary>Registers <see cref="ModelQuantizer"/> and takes its options from a section of the configuration. A key that no option has is an error when the host starts, or when the quantizer is made.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">The section whose keys are the options' names.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddIsVitQuantization(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddIsVitQuantization().Configure<QuantizationOptions>(configuration).AddSingleton<IValidateOptions<QuantizationOptions>>(new ConfigurationKeysValidator(Options.Options.DefaultName, configuration));
        return services;
    }

    /// <summary>
    /// Registers a <see cref="ModelQuantizer"/> with its own options under a name, in addition to the unnamed one: <c>provider.GetRequiredKeyedService&lt;ModelQuantizer&gt;(name)</c>, or
    /// <c>[FromKeyedServices(name)]</c> in a constructor. Calling it again with the same name changes the same options further.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The name of the options and the key of the service.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddIsVitQuantization(this IServiceCollection services, string name, Action<QuantizationOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        AddNamed(services, name).Configure(configure);
        return services;
    }

    /// <summary>Registers a <see cref="ModelQuantizer"/> under a name, as <see cref="AddIsVitQuantization(IServiceCollection, string, Action{QuantizationOptions})"/> does, and takes its options from a section of the configuration.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The name of the options and the key of the service.</param>
    /// <param name="configuration">The section whose keys are the options' names.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddIsVitQuantization(this IServiceCollection services, string name, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        AddNamed(services, name).Bind(configuration);
        services.AddSingleton<IValidateOptions<QuantizationOptions>>(new ConfigurationKeysValidator(name, configuration));
        return services;
    }

    private static OptionsBuilder<QuantizationOptions> AddNamed(IServiceCollection services, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        services.AddIsVitQuantization().TryAddKeyedTransient(name, static (provider, key) => Create(provider, (string)key!));
        return services.AddOptions<QuantizationOptions>(name).ValidateOnStart();
    }

    private static ModelQuantizer Create(IServiceProvider provider, string options) => new(
        provider.GetRequiredService<IOptionsMonitor<QuantizationOptions>>().Get(options),
        provider.GetRequiredService<QuantizerRegistry>(),
        QuantizationRecipes.All.Concat(provider.GetServices<QuantizationRecipe>()),
        provider.GetServices<IQuantizationStage>(),
        provider.GetRequiredService<IReconstructionLoss>(),
        provider.GetService<ILogger<ModelQuantizer>>());
}
