using IsVit.Model.Files;
using IsVit.Model.Quantization;
using IsVit.Runtime;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="RuntimeModel"/>.</summary>
public static class IsVitRuntimeServiceCollectionExtensions
{
    /// <summary>
    /// Registers the model of a file as the one <see cref="RuntimeModel"/>, which all threads share. The file is read when the model is first asked for, which throws what <see cref="RuntimeModel.Load"/> throws:
    /// <see cref="FileNotFoundException"/>, <see cref="WeightFileException"/> or <see cref="QuantizationException"/>. Calling it again adds nothing.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="path">A file that <c>QuantizedModel.Save</c> or <c>isvit quantize</c> wrote.</param>
    /// <param name="options">How the model is run; null for the defaults.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddIsVitRuntime(this IServiceCollection services, string path, RuntimeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(path);
        services.TryAddSingleton(_ => RuntimeModel.Load(path, options));
        return services;
    }

    /// <summary>
    /// Registers the model of a file under a name, in addition to the unnamed one: <c>provider.GetRequiredKeyedService&lt;RuntimeModel&gt;(name)</c>, or <c>[FromKeyedServices(name)]</c> in a constructor.
    /// Calling it again with the same name adds nothing.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The key of the service.</param>
    /// <param name="path">A file that <c>QuantizedModel.Save</c> or <c>isvit quantize</c> wrote.</param>
    /// <param name="options">How the model is run; null for the defaults.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddIsVitRuntime(this IServiceCollection services, string name, string path, RuntimeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(path);
        services.TryAddKeyedSingleton(name, (_, _) => RuntimeModel.Load(path, options));
        return services;
    }
}
