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

    /// <summary>Translates a name in a source to the module's tensor, or the part of it, that the source's tensor fills; the default is the whole tensor that <see cref="Translate"/> names.</summary>
    /// <param name="name">The name in the source, without prefix.</param>
    /// <param name="names">All names in the source, without prefix.</param>
    /// <returns>Null if the module does not need the tensor.</returns>
    TensorPlace? Place(string name, IReadOnlySet<string> names) => Translate(name, names) is { } own ? new TensorPlace(own) : null;

    /// <summary>Whether <see cref="Resize"/> makes a tensor of another shape fit; the default is that it does not.</summary>
    /// <param name="name">The module's name.</param>
    /// <param name="shape">The shape in the source.</param>
    bool CanResize(string name, IReadOnlyList<long> shape) => false;

    /// <summary>Makes a tensor of another shape fit, if <see cref="StateDictLoadOptions.Resize"/> allows it and <see cref="CanResize"/> says so.</summary>
    /// <param name="name">The module's name.</param>
    /// <param name="source">The source's tensor, on the CPU; not changed.</param>
    /// <returns>A new tensor of the module's shape.</returns>
    torch.Tensor Resize(string name, torch.Tensor source) => throw new NotSupportedException($"'{name}' cannot be resized.");

    /// <summary>Reorders the numbers of a tensor that was just loaded, where another release stores them in another order. Called once for each tensor, without gradients; the default leaves it.</summary>
    /// <param name="name">The name in the source, without prefix.</param>
    /// <param name="loaded">The module's tensor, to be changed in place.</param>
    void Reorder(string name, torch.Tensor loaded)
    {
    }
}
