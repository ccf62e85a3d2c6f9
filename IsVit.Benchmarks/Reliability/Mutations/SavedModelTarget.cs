using IsVit.Model.Imaging;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Tests.Runtime;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Saved quantized models, read into modules.</summary>
internal sealed class SavedModelTarget : Target
{
    private readonly torch.Tensor _images = SmallModels.Images(2);
    private readonly ModelFileDamage[] _damages;
    private readonly byte[][] _outputs;

    public SavedModelTarget()
    {
        torch.set_num_threads(1);
        Whole = [Saved(RecipeNames.MinMax, 4), Saved(RecipeNames.SulqOnly, 3), Saved(RecipeNames.RepQ, 4, isSwin: true)];
        _damages = [.. Whole.Select(static whole => new ModelFileDamage(whole))];
        _outputs = [.. Whole.Select(Outputs)];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Whole { get; }

    /// <summary>A saved model of some kilobytes.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="bits">The bits of weights and activations.</param>
    /// <param name="isSwin">Whether it is a Swin transformer.</param>
    public static byte[] Saved(string recipe, int bits, bool isSwin = false)
    {
        var path = Path.GetTempFileName();
        using var scope = torch.NewDisposeScope();
        using var model = isSwin ? (Core.Models.ImageClassifier)SmallModels.Swin() : SmallModels.Vit();
        using var quantized = SmallModels.Quantizer(recipe, bits).Quantize(model, SmallModels.Images(16));
        quantized.Description = quantized.Description! with { Preprocessing = new ImagePreprocessing { ImageSize = SmallModels.Side }, Classes = ["cat", "dog", "hen", "ant", "cow"] };
        quantized.Save(path);
        return Seeds.Taken(path);
    }

    /// <inheritdoc/>
    public override byte[] Damage(int which, Random random, out bool isSealed) => _damages[which].Of(random, out _, out isSealed);

    /// <inheritdoc/>
    public override void Read(byte[] file, int which, bool isSealed)
    {
        var outputs = Outputs(file);
        if (!isSealed && !outputs.AsSpan().SequenceEqual(_outputs[which]))
        {
            throw new WrongLoadException("other outputs than those of the model that was saved");
        }
    }

    private byte[] Outputs(byte[] file)
    {
        using var scope = torch.NewDisposeScope();
        using var model = QuantizedModel.Open(Write("damaged.safetensors", file));

        // Of a model for other images only the loading is looked at.
        return model.Description!.Architecture is { ImageSize: SmallModels.Side, InChannels: 3 } ? [.. model.Predict(_images).bytes] : [];
    }
}
