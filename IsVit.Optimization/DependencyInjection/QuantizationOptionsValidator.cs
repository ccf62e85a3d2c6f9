using Microsoft.Extensions.Options;

namespace IsVit.Optimization.DependencyInjection;

/// <summary>Lets the host refuse to start with options that are out of range.</summary>
internal sealed class QuantizationOptionsValidator : IValidateOptions<QuantizationOptions>
{
    public ValidateOptionsResult Validate(string? name, QuantizationOptions options)
    {
        try
        {
            options.Validate();
            return ValidateOptionsResult.Success;
        }
        catch (OptionsException e)
        {
            return ValidateOptionsResult.Fail(e.Message);
        }
    }
}
