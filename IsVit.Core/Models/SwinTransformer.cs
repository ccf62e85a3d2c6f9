using System.Globalization;
using IsVit.Core.Graph;
using IsVit.Core.Models.WeightFiles;
using IsVit.Model.Architectures;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>
/// A hierarchical vision transformer with shifted windows (Swin: Liu et al., arXiv 2103.14030) with timm's parameter names, so that public weights can be loaded, including those of older timm versions and of the
/// authors. Every product is a module called through <c>call</c>, so that hooks can reach both operands. Tokens keep their rows and columns: [batch, rows, columns, width].
/// </summary>
public sealed class SwinTransformer : ImageClassifier, IStateDictNames
{
    private readonly PatchEmbedding patch_embed;
    private readonly ModuleList<SwinLayer> layers;
    private readonly LayerNorm norm;
    private readonly PooledHead head;

    /// <summary>Creates a Swin transformer with random weights (from torch's default generator), on the CPU, in torch's default type.</summary>
    /// <param name="options">The model's shape.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public SwinTransformer(SwinTransformerOptions options)
        : base(nameof(SwinTransformer))
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        var count = options.Depths.Count;
        patch_embed = new PatchEmbedding(options.ImageSize, options.PatchSize, options.InChannels, options.EmbedDim, PatchLayout.Grid, options.LayerNormEps);
        layers = new ModuleList<SwinLayer>([.. Enumerable.Range(0, count).Select(layer => new SwinLayer(options, layer))]);
        norm = torch.nn.LayerNorm(options.DimOf(count - 1), options.LayerNormEps);
        head = new PooledHead(options.DimOf(count - 1), options.ClassCount);
        RegisterComponents();
        InitializeLinears();
        using var noGrad = torch.no_grad();
        foreach (var attention in modules().OfType<WindowAttention>())
        {
            torch.nn.init.normal_(attention.RelativePositionBiasTable, std: 0.02);
        }
    }

    /// <summary>The shape that the model was created with.</summary>
    public SwinTransformerOptions Options { get; }

    /// <summary>The embedding of image patches as tokens.</summary>
    public PatchEmbedding PatchEmbed => patch_embed;

    /// <summary>The layers, first to last.</summary>
    public ModuleList<SwinLayer> Layers => layers;

    /// <summary>The final normalization.</summary>
    public LayerNorm Norm => norm;

    /// <summary>The classifier.</summary>
    public override Linear Head => head.Fc ?? throw NoHead;

    /// <inheritdoc/>
    public override bool HasHead => head.Fc is not null;

    /// <inheritdoc/>
    public override int OutputWidth => HasHead ? ClassCount : Options.DimOf(Options.Depths.Count - 1);

    /// <summary>Computes logits from images.</summary>
    /// <param name="input">Normalized images, [batch, channels, height, width], in the parameters' type and on their device.</param>
    /// <returns>[batch, classes], or without a head [batch, width of the last layer].</returns>
    /// <exception cref="ArgumentException">The size or the number of channels of the images is wrong.</exception>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        return scope.MoveToOuter(head.call(BlockRow.Call(layers.Append<torch.nn.Module<torch.Tensor, torch.Tensor>>(norm), patch_embed.call(input), scope)));
    }

    /// <inheritdoc/>
    public override IEnumerable<string> DeclareUnits() =>
        ["patch_embed", "layers.*.blocks.*", .. layers.Count > 1 ? ["layers.*.downsample"] : Array.Empty<string>(), .. HasHead ? ["head.fc"] : Array.Empty<string>()];

    /// <inheritdoc/>
    public override IEnumerable<AttentionDeclaration> DeclareAttentions() => layers.Select((layer, i) => layer.Blocks[0].Attn.Declare(FormattableString.Invariant($"layers.{i}.blocks.*.attn")));

    /// <summary>
    /// Translates names of the authors' and of older timm's weights: in these, patch merging is at the end of the previous layer, the classifier is <c>head</c>, and index and mask are stored;
    /// and those of Hugging Face, where queries, keys and values are three layers.
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
        return TableOf(name) is { } table && shape is [var count, var heads] && heads == table.shape[1] && RelativePositionBias.WindowOf(count) is not null;
    }

    /// <summary>Resizes a table of relative position biases to the window of its block as timm does.</summary>
    /// <inheritdoc/>
    public torch.Tensor Resize(string name, torch.Tensor source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var table = TableOf(name) ?? throw new ArgumentException($"'{name}' is no table of relative position biases of the model.", nameof(name));
        return RelativePositionBias.Resize(source, RelativePositionBias.WindowOf(table.shape[0])!.Value);
    }

    internal static TensorPlace? PlaceOf(string name, IReadOnlySet<string> names)
    {
        if (HuggingFaceNames.AreUsed(names))
        {
            return HuggingFaceNames.OfSwin(name, names);
        }

        if (name.EndsWith(".relative_position_index", StringComparison.Ordinal) || name.EndsWith(".attn_mask", StringComparison.Ordinal))
        {
            return null;
        }

        if (name is "head.weight" or "head.bias")
        {
            return new(name.Replace("head.", "head.fc.", StringComparison.Ordinal));
        }

        // Only the old layout merges patches in the first layer.
        return new(names.Contains("layers.0.downsample.reduction.weight")
            && name.Split('.') is ["layers", var layer, "downsample", .. var rest]
            && int.TryParse(layer, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? string.Create(CultureInfo.InvariantCulture, $"layers.{number + 1}.downsample.{string.Join('.', rest)}")
            : name);
    }

    private Parameter? TableOf(string name) => named_modules().Select(static module => (module.name, Module: module.module as WindowAttention))
        .FirstOrDefault(module => module.Module is not null && name == $"{module.name}.relative_position_bias_table").Module?.RelativePositionBiasTable;
}
