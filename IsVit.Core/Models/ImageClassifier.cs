using IsVit.Core.Graph;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>A model from normalized images [batch, channels, height, width] to logits [batch, classes]. It declares which of its modules are reconstructed as units.</summary>
public abstract class ImageClassifier : torch.nn.Module<torch.Tensor, torch.Tensor>, IGraphDeclaration
{
    private protected ImageClassifier(string name)
        : base(name)
    {
    }

    /// <summary>The layer that outputs the logits.</summary>
    /// <exception cref="InvalidOperationException">The model has no head.</exception>
    public abstract Linear Head { get; }

    /// <summary>Whether there is a layer that outputs logits; without it the output is the features that it would read.</summary>
    public abstract bool HasHead { get; }

    /// <summary>The number of classes; 0 without a head.</summary>
    public int ClassCount => HasHead ? (int)Head.weight.shape[0] : 0;

    /// <summary>The number of values that the model outputs of an image: its classes, or its features without a head.</summary>
    public abstract int OutputWidth { get; }

    private protected static InvalidOperationException NoHead => new($"The model has no head: its {nameof(IsVit.Model.Architectures.ModelOptions.ClassCount)} is 0, and it outputs features.");

    /// <inheritdoc/>
    public abstract IEnumerable<string> DeclareUnits();

    /// <inheritdoc/>
    public virtual IEnumerable<RoleDeclaration> DeclareRoles() => [];

    /// <inheritdoc/>
    public abstract IEnumerable<AttentionDeclaration> DeclareAttentions();

    // timm's default, whose normals are cut a hundred standard deviations out; convolutions as torch's default. Not torch.nn.init.trunc_normal_: in
    // TorchSharp 0.107.0 it fills the tensor with the standard deviation.
    private protected void InitializeLinears()
    {
        using var noGrad = torch.no_grad();
        foreach (var linear in modules().OfType<Linear>())
        {
            torch.nn.init.normal_(linear.weight, std: 0.02);
            if (linear.bias is not null)
            {
                torch.nn.init.zeros_(linear.bias);
            }
        }
    }
}
