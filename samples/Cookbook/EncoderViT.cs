using IsVit.Core.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cookbook;

/// <summary>TorchSharp's own encoder between patches and a classifier. libtorch runs the encoder as a whole.</summary>
internal sealed class EncoderViT : Module<Tensor, Tensor>
{
    private readonly Conv2d patches = Conv2d(1, 64, 7, 7);
    private readonly TransformerEncoder encoder = TransformerEncoder(TransformerEncoderLayer(64, 4, 128, 0.1, Activations.GELU), 2);
    private readonly Linear head = Linear(64, 10);

    public EncoderViT()
        : base(nameof(EncoderViT)) => RegisterComponents();

    public Conv2d Patches => patches;

    public TransformerEncoder Encoder => encoder;

    public Linear Head => head;

    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        var x = patches.call(images).flatten(2).permute(2, 0, 1); // [tokens, batch, width]
        return head.call(encoder.call(x).mean([0L])).MoveToOuterDisposeScope();
    }
}

/// <summary>The same network with an encoder of modules, made from a trained one.</summary>
internal sealed class HookableEncoderViT : Module<Tensor, Tensor>
{
    private readonly Conv2d patches;
    private readonly Sequential encoder;
    private readonly Linear head;

    public HookableEncoderViT(EncoderViT trained)
        : base(nameof(HookableEncoderViT))
    {
        patches = trained.Patches;
        head = trained.Head;

        // snippet: from
        encoder = EncoderLayer.From(trained.Encoder, headCount: 4, Activations.GELU);
        // end
        RegisterComponents();
    }

    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        var x = patches.call(images).flatten(2).permute(2, 0, 1); // [tokens, batch, width]
        return head.call(encoder.call(x).mean([0L])).MoveToOuterDisposeScope();
    }
}
