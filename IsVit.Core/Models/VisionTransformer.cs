using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model.Architectures;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// A pre-norm vision transformer (ViT: Dosovitskiy et al., arXiv 2010.11929; DeiT: Touvron et al., arXiv 2012.12877) with timm's parameter names,
/// so that public weights can be loaded. Every product is a module called through <c>call</c>, so that hooks can reach both operands.
/// </summary>
public sealed class VisionTransformer : ImageClassifier
{
    private readonly PatchEmbedding patch_embed;
    private readonly Dropout? pos_drop;
    private readonly ModuleList<Block> blocks;
    private readonly LayerNorm? norm;
    private readonly LayerNorm? fc_norm;
    private readonly PreLogits? pre_logits;
    private readonly Linear head;
    private readonly Linear? head_dist;

    // Not readonly: moving to another device or type replaces them.
    private Parameter? cls_token;
    private Parameter? dist_token;
    private Parameter? reg_token;
    private Parameter pos_embed;

    /// <summary>Creates a vision transformer with random weights (from torch's default generator), on the CPU, in torch's default type.</summary>
    /// <param name="options">The model's shape.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public VisionTransformer(VisionTransformerOptions options)
        : base(nameof(VisionTransformer))
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        var dim = options.EmbedDim;

        cls_token = options.HasClassToken ? LongLived.Parameter(torch.zeros(1, 1, dim)) : null;
        dist_token = options.Distilled ? LongLived.Parameter(torch.zeros(1, 1, dim)) : null;
        reg_token = options.RegisterTokenCount > 0 ? LongLived.Parameter(torch.zeros(1, options.RegisterTokenCount, dim)) : null;
        pos_embed = LongLived.Parameter(torch.zeros(1, (options.PatchPositionsOnly ? 0 : options.PrefixTokenCount) + options.PatchCount, dim));
        patch_embed = new PatchEmbedding(options.ImageSize, options.PatchSize, options.InChannels, dim);
        pos_drop = options.DropoutRate > 0 ? torch.nn.Dropout(options.DropoutRate) : null;
        blocks = new ModuleList<Block>([.. Enumerable.Range(0, options.Depth)
            .Select(i => new Block(options, options.DropPathOf(i, options.Depth)))]);
        var pooled = options.Pooling == PoolingKind.Average;
        norm = pooled ? null : torch.nn.LayerNorm(dim, options.LayerNormEps);
        fc_norm = pooled ? torch.nn.LayerNorm(dim, options.LayerNormEps) : null;
        pre_logits = options.PreLogitsDim is { } width ? new PreLogits(dim, width) : null;
        head = torch.nn.Linear(options.PreLogitsDim ?? dim, options.ClassCount);
        head_dist = options.Distilled ? torch.nn.Linear(dim, options.ClassCount) : null;
        RegisterComponents();
        InitializeWeights();
    }

    /// <summary>The shape that the model was created with.</summary>
    public VisionTransformerOptions Options { get; }

    /// <summary>The embedding of image patches as tokens.</summary>
    public PatchEmbedding PatchEmbed => patch_embed;

    /// <summary>The blocks, first to last.</summary>
    public ModuleList<Block> Blocks => blocks;

    /// <summary>The final normalization: of all tokens, or with average pooling of the pooled token (<c>fc_norm</c>).</summary>
    public LayerNorm Norm => norm ?? fc_norm!;

    /// <summary>The layer before the head, if the options ask for one.</summary>
    public PreLogits? PreLogits => pre_logits;

    /// <summary>The classifier.</summary>
    public override Linear Head => head;

    /// <summary>The classifier of the distillation token, if the model is distilled.</summary>
    public Linear? HeadDist => head_dist;

    /// <summary>Computes logits from images.</summary>
    /// <param name="input">Normalized images, [batch, channels, height, width], in the parameters' type and on their device.</param>
    /// <returns>[batch, classes]; for a distilled model the mean of both heads, also while training.</returns>
    /// <exception cref="ArgumentException">The size or the number of channels of the images is wrong.</exception>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(Classify(BlockRow.Call(norm is null ? blocks : blocks.Append<torch.nn.Module<torch.Tensor, torch.Tensor>>(norm), Embed(input), scope)));
    }

    /// <inheritdoc/>
    public override IEnumerable<string> DeclareUnits() =>
        ["patch_embed", "blocks.*", .. pre_logits is null ? Array.Empty<string>() : ["pre_logits"], "head", .. head_dist is null ? Array.Empty<string>() : ["head_dist"]];

    /// <inheritdoc/>
    public override IEnumerable<AttentionDeclaration> DeclareAttentions() => blocks.Count > 0 ? [blocks[0].Attn.Declare("blocks.*.attn")] : [];

    private IEnumerable<Parameter> PrefixTokens => new[] { cls_token, dist_token, reg_token }.OfType<Parameter>();

    private torch.Tensor Embed(torch.Tensor images)
    {
        // What leads to the tokens is not needed while the blocks run.
        using var scope = torch.NewDisposeScope();
        var patches = patch_embed.call(images); // [batch, patches, dim]
        if (Options.PatchPositionsOnly)
        {
            patches = patches.Plus(pos_embed);
        }

        List<torch.Tensor> tokens = [.. PrefixTokens.Select(token => token.expand(patches.shape[0], -1, -1)), patches];
        var x = tokens.Count == 1 ? patches : torch.cat(tokens, 1); // [batch, tokens, dim]
        if (!Options.PatchPositionsOnly)
        {
            x = x.Plus(pos_embed);
        }

        return scope.MoveToOuter(pos_drop is not null && training ? pos_drop.call(x) : x);
    }

    private torch.Tensor Classify(torch.Tensor x)
    {
        var pooled = Options.Pooling == PoolingKind.ClassToken ? x.select(1, 0) : x.narrow(1, Options.PrefixTokenCount, Options.PatchCount).mean([1L]);
        if (fc_norm is not null)
        {
            pooled = fc_norm.call(pooled);
        }

        var logits = head.call(pre_logits is null ? pooled : pre_logits.call(pooled));
        return head_dist is null ? logits : logits.Plus(head_dist.call(x.select(1, 1))).Over(2);
    }

    private void InitializeWeights()
    {
        InitializeLinears();
        using var noGrad = torch.no_grad();
        torch.nn.init.normal_(pos_embed, std: 0.02);
        foreach (var token in PrefixTokens)
        {
            torch.nn.init.normal_(token, std: 1e-6);
        }
    }
}
