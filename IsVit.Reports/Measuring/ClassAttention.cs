using static TorchSharp.torch;

namespace IsVit.Reports.Measuring;

/// <summary>How much of a transformer's attention each patch gets.</summary>
internal static class ClassAttention
{
    /// <summary>The mean over heads of what the class token, or without one all tokens, attend to.</summary>
    /// <param name="observation">What was seen of a model.</param>
    /// <returns>[images, rows, columns] from 0 to 1, or null where attention is not over all patches of an image in a square.</returns>
    public static Tensor? Of(ModelObservation observation)
    {
        if (observation.Attention.Count == 0)
        {
            return null;
        }

        // Of all queries; class and register tokens stand before the patches.
        var attention = cat([.. observation.Attention]).to(float32).cpu().mean([1]);
        var tokens = attention.shape[1];
        var side = (long)Math.Sqrt(tokens);
        var prefix = tokens - (side * side);
        if (side < 2)
        {
            return null;
        }

        var patches = (prefix > 0 ? attention.select(1, 0) : attention.mean([1])).narrow(1, prefix, side * side);
        return (patches / patches.amax([1], keepdim: true)).reshape(-1, side, side);
    }
}
