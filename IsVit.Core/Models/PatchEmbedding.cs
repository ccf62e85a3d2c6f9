using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>Splits an image into patches and projects each to a token (Dosovitskiy et al., arXiv 2010.11929); timm's names: <c>proj</c>, <c>norm</c>.</summary>
public sealed class PatchEmbedding : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Conv2d proj;
    private readonly LayerNorm? norm;
    private readonly int? _height;
    private readonly int? _width;
    private readonly int _patchSize;
    private readonly int _channels;
    private readonly PatchLayout _layout;

    /// <summary>Creates the module.</summary>
    /// <param name="imageSize">Height and width of the image in pixels, a multiple of <paramref name="patchSize"/>; null for images of any size, filled up with zeros on the right and at the bottom to whole patches.</param>
    /// <param name="patchSize">Height and width of a patch in pixels.</param>
    /// <param name="channels">The number of colour channels.</param>
    /// <param name="dim">The width of a token.</param>
    /// <param name="layout">The layout of the tokens.</param>
    /// <param name="layerNormEps">The epsilon added to the variance in the normalization of the tokens; null for no normalization.</param>
    public PatchEmbedding(int? imageSize, int patchSize, int channels, int dim, PatchLayout layout = PatchLayout.Sequence, double? layerNormEps = null)
        : this(imageSize, imageSize, patchSize, channels, dim, layout, layerNormEps)
    {
    }

    /// <summary>Creates the module for images that need not be squares.</summary>
    internal PatchEmbedding(int? height, int? width, int patchSize, int channels, int dim, PatchLayout layout, double? layerNormEps)
        : base(nameof(PatchEmbedding))
    {
        (_height, _width, _patchSize) = (height, width, patchSize);
        _channels = channels;
        _layout = layout;

        // TorchSharp's convolution leaves a temporary of its initialisation behind.
        using var scope = torch.NewDisposeScope();
        proj = torch.nn.Conv2d(channels, dim, patchSize, stride: patchSize);
        norm = layerNormEps is { } eps ? torch.nn.LayerNorm(dim, eps) : null;
        RegisterComponents();
    }

    /// <summary>The projection: a convolution whose stride equals its kernel size.</summary>
    public Conv2d Proj => proj;

    /// <summary>The normalization of the tokens, if there is one.</summary>
    public LayerNorm? Norm => norm;

    /// <summary>Converts images to patch tokens, row by row.</summary>
    /// <param name="input">[batch, channels, height, width] of the size that the module was created for, if it was for one.</param>
    /// <returns>[batch, patches, width of a token], or [batch, rows, columns, width of a token].</returns>
    /// <exception cref="ArgumentException">The input has a different shape.</exception>
    public override torch.Tensor forward(torch.Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var shape = input.shape;
        if (shape.Length != 4 || shape[1] != _channels || (_height is { } rows && (shape[2] != rows || shape[3] != _width)))
        {
            var sides = _height is { } high ? FormattableString.Invariant($"{high}, {_width}") : "height, width";
            throw new ArgumentException(FormattableString.Invariant($"The images have shape [{string.Join(", ", shape)}]; expected [batch, {_channels}, {sides}]."), nameof(input));
        }

        using var scope = torch.NewDisposeScope();
        var (down, right) = (Missing(shape[2]), Missing(shape[3]));
        var patches = proj.call(down + right > 0 ? torch.nn.functional.pad(input, [0, right, 0, down]) : input); // [batch, dim, rows, columns]
        var tokens = _layout == PatchLayout.Grid
            ? patches.permute(0, 2, 3, 1)
            : patches.flatten(2).transpose(1, 2);
        return scope.MoveToOuter(norm is null ? tokens : norm.call(tokens));
    }

    private long Missing(long side) => (_patchSize - (side % _patchSize)) % _patchSize;
}
