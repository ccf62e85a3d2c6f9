using IsVit.Model.Architectures;

namespace IsVit.Core.Models;

/// <summary>Creates models from their options.</summary>
public static class ModelOptionsExtensions
{
    /// <summary>Creates the model with random weights (from torch's default generator).</summary>
    /// <param name="options">The shape.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static ImageClassifier Create(this ModelOptions options) => options switch
    {
        VisionTransformerOptions vit => vit.Create(),
        SwinTransformerOptions swin => swin.Create(),
        _ => throw new ArgumentException($"There is no model of the shape '{options?.GetType().Name}'.", nameof(options)),
    };

    /// <summary>Creates the model with random weights (from torch's default generator).</summary>
    /// <param name="options">The shape.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static VisionTransformer Create(this VisionTransformerOptions options) => new(options);

    /// <summary>Creates the model with random weights (from torch's default generator).</summary>
    /// <param name="options">The shape.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static SwinTransformer Create(this SwinTransformerOptions options) => new(options);
}
