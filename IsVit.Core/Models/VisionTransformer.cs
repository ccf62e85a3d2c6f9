using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// A pre-norm vision transformer (ViT: Dosovitskiy et al., arXiv 2010.11929; DeiT: Touvron et al., arXiv 2012.12877) with timm's parameter names,
/// so that public weights can be loaded. Every product is a module called through <c>call</c>, so that hooks can reach both operands.
/// </summary>
public sealed class VisionTransformer : ImageClassifier, IStateDictNames
{
    private readonly PatchEmbedding patch_embed;
    private readonly Dropout? pos_drop;
    private readonly ModuleList<Block> blocks;
    private readonly LayerNorm? norm;
    private readonly LayerNorm? fc_norm;
    private readonly PreLogits? pre_logits;
    private readonly Linear? head;
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
        pos_embed = LongLived.Parameter(torch.zeros(1, options.PrefixPositionCount + options.PatchCount, dim));
        patch_embed = new PatchEmbedding(options.ImageSize, options.ImageWidth ?? options.ImageSize, options.PatchSize, options.InChannels, dim, PatchLayout.Sequence, layerNormEps: null);
        pos_drop = options.DropoutRate > 0 ? torch.nn.Dropout(options.DropoutRate) : null;
        blocks = new ModuleList<Block>([.. Enumerable.Range(0, options.Depth)
            .Select(i => new Block(options, options.DropPathOf(i, options.Depth)))]);
        var pooled = options.Pooling == PoolingKind.Average;
        norm = pooled ? null : torch.nn.LayerNorm(dim, options.LayerNormEps);
        fc_norm = pooled ? torch.nn.LayerNorm(dim, options.LayerNormEps) : null;
        pre_logits = options.PreLogitsDim is { } width ? new PreLogits(dim, width) : null;
        head = options.ClassCount > 0 ? torch.nn.Linear(options.FeatureDim, options.ClassCount) : null;
        head_dist = options.Distilled && options.ClassCount > 0 ? torch.nn.Linear(dim, options.ClassCount) : null;
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
    public override Linear Head => head ?? throw NoHead;

    /// <inheritdoc/>
    public override bool HasHead => head is not null;

    /// <inheritdoc/>
    public override int OutputWidth => HasHead ? ClassCount : Options.FeatureDim;

    /// <summary>The classifier of the distillation token, if the model is distilled and has heads.</summary>
    public Linear? HeadDist => head_dist;

    /// <summary>Computes logits from images.</summary>
    /// <param name="input">Normalized images, [batch, channels, height, width], in the parameters' type and on their device.</param>
    /// <returns>[batch, classes]; for a distilled model the mean of both heads, also while training. Without a head [batch, features]: what a head would read, of a distilled model the mean of both tokens.</returns>
    /// <exception cref="ArgumentException">The size or the number of channels of the images is wrong.</exception>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(Classify(BlockRow.Call(norm is null ? blocks : blocks.Append<torch.nn.Module<torch.Tensor, torch.Tensor>>(norm), Embed(input), scope)));
    }

    /// <inheritdoc/>
    public override IEnumerable<string> DeclareUnits() =>
        ["patch_embed", "blocks.*", .. pre_logits is null ? Array.Empty<string>() : ["pre_logits"], .. HasHead ? ["head"] : Array.Empty<string>(), .. head_dist is null ? Array.Empty<string>() : ["head_dist"]];

    /// <inheritdoc/>
    public override IEnumerable<AttentionDeclaration> DeclareAttentions() => blocks.Count > 0 ? [blocks[0].Attn.Declare("blocks.*.attn")] : [];

    /// <summary>
    /// Translates the names of DINOv2's authors (Oquab et al., arXiv 2304.07193): <c>register_tokens</c>, and SwiGLU's <c>w12</c> and <c>w3</c>, and leaves out <c>mask_token</c>, which only training needs;
    /// and the names of Hugging Face.
    /// </summary>
    /// <inheritdoc/>
    public string? Translate(string name, IReadOnlySet<string> names) => Place(name, names)?.Name;

    /// <inheritdoc/>
    public TensorPlace? Place(string name, IReadOnlySet<string> names)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(names);
        return PlaceOf(name, names);
    }

    /// <inheritdoc/>
    public bool CanResize(string name, IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return name == "pos_embed" && shape is [1, _, var width] && width == Options.EmbedDim && PositionEmbedding.SideOf(shape[1], Options.PrefixPositionCount) is not null;
    }

    /// <summary>Resizes the position embedding of a square image as timm does.</summary>
    /// <inheritdoc/>
    public torch.Tensor Resize(string name, torch.Tensor source) => PositionEmbedding.Resize(source, Options.PrefixPositionCount, Options.PatchesPerSide, Options.PatchColumns);

    internal static TensorPlace? PlaceOf(string name, IReadOnlySet<string> names) => HuggingFaceNames.AreUsed(names)
        ? HuggingFaceNames.OfVisionTransformer(name, names)
        : name switch
        {
            "mask_token" => null,
            "register_tokens" => new TensorPlace("reg_token"),
            _ => new TensorPlace(name.Replace(".mlp.w12.", ".mlp.fc1.", StringComparison.Ordinal).Replace(".mlp.w3.", ".mlp.fc2.", StringComparison.Ordinal)),
        };

    private IEnumerable<Parameter> PrefixTokens => new[] { cls_token, dist_token, reg_token }.OfType<Parameter>();

    private torch.Tensor Embed(torch.Tensor images)
    {
        // What leads to the tokens is not needed while the blocks run.
        using var scope = torch.NewDisposeScope();
        var patches = patch_embed.call(images); // [batch, patches, dim]
        var positioned = Options.PrefixPositionCount;
        var apart = positioned != Options.PrefixTokenCount;
        List<torch.Tensor> prefix = [.. PrefixTokens];
        if (apart)
        {
            patches = patches.Plus(positioned == 0 ? pos_embed : pos_embed.narrow(1, positioned, Options.PatchCount));
            for (var i = 0; i < positioned; i++)
            {
                prefix[i] = prefix[i].Plus(pos_embed.narrow(1, i, 1));
            }
        }

        List<torch.Tensor> tokens = [.. prefix.Select(token => token.expand(patches.shape[0], -1, -1)), patches];
        var x = tokens.Count == 1 ? patches : torch.cat(tokens, 1); // [batch, tokens, dim]
        if (!apart)
        {
            x = x.Plus(pos_embed);
        }

        return scope.MoveToOuter(pos_drop is not null && training ? pos_drop.call(x) : x);
    }

    private torch.Tensor Classify(torch.Tensor x)
    {
        var pooled = Pool(x);
        if (fc_norm is not null)
        {
            pooled = fc_norm.call(pooled);
        }

        var features = pre_logits is null ? pooled : pre_logits.call(pooled);
        if (head is null)
        {
            return Options.Distilled ? features.Plus(x.select(1, 1)).Over(2) : features;
        }

        var logits = head.call(features);
        return head_dist is null ? logits : logits.Plus(head_dist.call(x.select(1, 1))).Over(2);
    }

    private torch.Tensor Pool(torch.Tensor x)
    {
        torch.Tensor Average() => x.narrow(1, Options.PrefixTokenCount, Options.PatchCount).mean([1L]);
        return Options.Pooling switch
        {
            PoolingKind.ClassToken => x.select(1, 0),
            PoolingKind.ClassTokenAndAverage => torch.cat([x.select(1, 0), Average()], 1),
            _ => Average(),
        };
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
