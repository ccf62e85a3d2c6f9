using IsVit.Core.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cookbook;

/// <summary>Attention as many write it: everything between the two layers in functions, which no hook reaches.</summary>
internal sealed class FunctionalAttention : Module<Tensor, Tensor>
{
    private readonly Linear qkv = Linear(64, 192);
    private readonly Linear proj = Linear(64, 64);

    public FunctionalAttention()
        : base(nameof(FunctionalAttention)) => RegisterComponents();

    // snippet: functional
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var heads = qkv.call(x).reshape(x.shape[0], x.shape[1], 3, 4, 16).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (heads[0], heads[1], heads[2]);
        var attention = functional.softmax(matmul(q, k.transpose(-2, -1)) / Math.Sqrt(16), -1);
        var mixed = matmul(attention, v);
        return proj.call(mixed.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }
    // end
}

/// <summary>The same, with the products in a module.</summary>
internal sealed class HookableAttention : Module<Tensor, Tensor>
{
    private readonly Linear qkv = Linear(64, 192);
    private readonly Linear proj = Linear(64, 64);

    // snippet: field
    private readonly DotProductAttention attend = new();
    // end

    public HookableAttention()
        : base(nameof(HookableAttention)) => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var heads = qkv.call(x).reshape(x.shape[0], x.shape[1], 3, 4, 16).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (heads[0], heads[1], heads[2]);

        // snippet: call
        var mixed = attend.call(q, k, v);
        // end
        return proj.call(mixed.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }
}

/// <summary>A block around either.</summary>
internal sealed class FunctionalBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1 = LayerNorm(64, 1e-6);
    private readonly Module<Tensor, Tensor> attn;
    private readonly LayerNorm norm2 = LayerNorm(64, 1e-6);
    private readonly Sequential mlp = Sequential(("fc1", Linear(64, 256)), ("act", GELU()), ("fc2", Linear(256, 64)));

    public FunctionalBlock(bool hookable)
        : base(nameof(FunctionalBlock))
    {
        attn = hookable ? new HookableAttention() : new FunctionalAttention();
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var y = x + attn.call(norm1.call(x));
        return (y + mlp.call(norm2.call(y))).MoveToOuterDisposeScope();
    }
}

/// <summary>A vision transformer for 28 x 28 grey images, shaped and named so that the demonstration's weights load.</summary>
internal sealed class FunctionalViT : Module<Tensor, Tensor>
{
    private readonly Sequential patch_embed = Sequential(("proj", Conv2d(1, 64, 7, 7)));
    private readonly ModuleList<FunctionalBlock> blocks;
    private readonly LayerNorm norm = LayerNorm(64, 1e-6);
    private readonly Linear head = Linear(64, 10);
    private Parameter cls_token = Parameter(zeros(1, 1, 64));
    private Parameter pos_embed = Parameter(zeros(1, 17, 64));

    /// <summary>Creates the model.</summary>
    /// <param name="hookable">Whether attention's products are modules.</param>
    public FunctionalViT(bool hookable)
        : base(nameof(FunctionalViT))
    {
        blocks = ModuleList(Enumerable.Range(0, 6).Select(_ => new FunctionalBlock(hookable)).ToArray());
        RegisterComponents();
    }

    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        var x = patch_embed.call(images).flatten(2).transpose(1, 2);
        x = cat([cls_token.expand(x.shape[0], 1, 64), x], 1) + pos_embed;
        foreach (var block in blocks)
        {
            x = block.call(x);
        }

        return head.call(norm.call(x).select(1, 0)).MoveToOuterDisposeScope();
    }
}
