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
    public abstract Linear Head { get; }

    /// <summary>The number of classes.</summary>
    public int ClassCount => (int)Head.weight.shape[0];

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
