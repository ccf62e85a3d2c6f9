using IsVit.Optimization.Options;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace IsVit.Optimization.DependencyInjection;

/// <summary>Lets the host refuse to start with a configuration of options that has keys of none.</summary>
/// <param name="optionsName">The options that the configuration is of.</param>
/// <param name="configuration">The configuration.</param>
internal sealed class ConfigurationKeysValidator(string optionsName, IConfiguration configuration) : IValidateOptions<QuantizationOptions>
{
    public ValidateOptionsResult Validate(string? name, QuantizationOptions options) =>
        name is not null && name != optionsName ? ValidateOptionsResult.Skip
        : ConfigurationKeys.Errors(configuration) is { Count: > 0 } errors ? ValidateOptionsResult.Fail(errors)
        : ValidateOptionsResult.Success;
}
