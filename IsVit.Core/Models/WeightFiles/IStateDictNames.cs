using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>A module that can also load weights under names other than its own, such as those of an older release.</summary>
public interface IStateDictNames
{
    /// <summary>Translates a name in a source to the module's own name.</summary>
    /// <param name="name">The name in the source, without prefix.</param>
    /// <param name="names">All names in the source, without prefix.</param>
    /// <returns>The module's name; <paramref name="name"/> itself if it needs no translation; null if the module does not need the tensor.</returns>
    string? Translate(string name, IReadOnlySet<string> names);

    /// <summary>Reorders the numbers of a tensor that was just loaded, where another release stores them in another order. Called once for each tensor, without gradients; the default leaves it.</summary>
    /// <param name="name">The name in the source, without prefix.</param>
    /// <param name="loaded">The module's tensor, to be changed in place.</param>
    void Reorder(string name, torch.Tensor loaded)
    {
    }
}
