using IsVit.Core.Quantization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Stages;
using Microsoft.Extensions.Options;

namespace IsVit.Optimization.DependencyInjection;

/// <summary>Lets the host refuse to start with options that are out of range, or that name a recipe or a scheme that there is not.</summary>
internal sealed class QuantizationOptionsValidator(QuantizerRegistry quantizers, IEnumerable<QuantizationRecipe> recipes) : IValidateOptions<QuantizationOptions>
{
    public ValidateOptionsResult Validate(string? name, QuantizationOptions options)
    {
        try
        {
            options.Validate();
            options.ValidateSchemes(quantizers);
            options.ValidateRecipe(QuantizationRecipes.All.Concat(recipes).Select(static recipe => recipe.Name));
            return ValidateOptionsResult.Success;
        }
        catch (OptionsException e)
        {
            return ValidateOptionsResult.Fail(e.Message);
        }
    }
}
