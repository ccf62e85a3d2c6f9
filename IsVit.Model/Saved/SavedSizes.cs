using IsVit.Model.Architectures;
using IsVit.Model.Quantization;

namespace IsVit.Model.Saved;

/// <summary>Whether a saved model's architecture can be that of its tensors.</summary>
internal static class SavedSizes
{
    /// <summary>Checks it, before memory of such sizes is asked for.</summary>
    /// <param name="saved">The file.</param>
    /// <param name="options">Its architecture.</param>
    /// <exception cref="QuantizationException">A size is too large.</exception>
    public static void Require(SavedModel saved, ModelOptions options)
    {
        var numbers = saved.Parameters.Values.Sum(static entry => PlausibleSizes.Count(entry.Shape)) + saved.Sites.Where(static site => site.IsWeight).Sum(static site => PlausibleSizes.Count(site.Shape!));
        if (PlausibleSizes.Fault(options, numbers, numbers, saved.FileLength) is { } fault)
        {
            throw new QuantizationException($"'{saved.FilePath}' cannot be run: {fault}.");
        }
    }
}
