using System.Globalization;

namespace IsVit.Model.Architectures;

/// <summary>The options common to all models that map images to logits.</summary>
public abstract record ModelOptions
{
    private protected ModelOptions(int patchSize, double layerNormEps) => (PatchSize, LayerNormEps) = (patchSize, layerNormEps);

    /// <summary>Height and width of the image in pixels, a multiple of <see cref="PatchSize"/>.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Height and width of a patch in pixels, at least 1.</summary>
    public int PatchSize { get; init; }

    /// <summary>The number of colour channels, at least 1.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>The number of classes; 0 for a model without a head, whose output is the features that a head would read.</summary>
    public int ClassCount { get; init; } = 1000;

    /// <summary>The width of the hidden layer of a block's MLP, as a multiple of the token width; above 0.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Whether the query, key and value projections have a bias.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>The epsilon that the normalizations add to the variance, above 0.</summary>
    public double LayerNormEps { get; init; }

    /// <summary>The probability, 0 to less than 1, that the last block's residual branches are dropped while training; for earlier blocks it decreases linearly to 0.</summary>
    public double DropPathRate { get; init; }

    /// <summary>The dropout probability, 0 to less than 1, after the attention projections and the MLPs' layers, and where a model's own options say so, while training.</summary>
    public double DropoutRate { get; init; }

    /// <summary>Patches along one side of the image.</summary>
    internal int PatchesPerSide => ImageSize / PatchSize;

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range; the message contains its name, its value and what is allowed.</exception>
    public virtual void Validate()
    {
        Require(PatchSize >= 1, nameof(PatchSize), PatchSize, "at least 1");
        Require(ImageSize >= PatchSize && ImageSize % PatchSize == 0, nameof(ImageSize), ImageSize, FormattableString.Invariant($"a multiple of PatchSize ({PatchSize})"));
        Require(InChannels >= 1, nameof(InChannels), InChannels, "at least 1");
        Require(ClassCount >= 0, nameof(ClassCount), ClassCount, "at least 1, or 0 for no head");
        Require(LayerNormEps > 0 && double.IsFinite(LayerNormEps), nameof(LayerNormEps), LayerNormEps, "finite and above 0");
        Require(DropPathRate is >= 0 and < 1, nameof(DropPathRate), DropPathRate, "0 to below 1");
        Require(DropoutRate is >= 0 and < 1, nameof(DropoutRate), DropoutRate, "0 to below 1");
    }

    private protected void RequireMlp(int dim) =>
        Require(MlpRatio > 0 && dim * MlpRatio is >= 1 and < int.MaxValue, nameof(MlpRatio), MlpRatio, "above 0, for a hidden layer of at least one unit");

    private protected static void Require(bool condition, string option, object? value, string allowed)
    {
        if (!condition)
        {
            throw new ArgumentOutOfRangeException(option, value, string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; allowed is: {allowed}."));
        }
    }

    /// <summary>The drop path rate of one of a row of blocks.</summary>
    /// <param name="index">The block, from 0.</param>
    /// <param name="count">All blocks.</param>
    internal double DropPathOf(int index, int count) => count == 1 ? 0 : DropPathRate * index / (count - 1);
}
