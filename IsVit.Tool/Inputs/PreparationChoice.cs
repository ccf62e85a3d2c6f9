using IsVit.Model.Imaging;

namespace IsVit.Tool.Inputs;

/// <summary>How images are prepared otherwise than a model's files say.</summary>
/// <param name="Crop">Another centre crop; null for the model's own.</param>
/// <param name="Resize">Whether proportions are kept; null for as the model has it.</param>
internal sealed record PreparationChoice(double? Crop, ResizeMode? Resize)
{
    /// <summary>As the model's files say.</summary>
    public static PreparationChoice Own { get; } = new(null, null);

    /// <summary>The preparation with what was chosen.</summary>
    /// <param name="own">The model's.</param>
    public ImagePreprocessing Apply(ImagePreprocessing own) => own with { CropFraction = Crop ?? own.CropFraction, ResizeMode = Resize ?? own.ResizeMode };
}
