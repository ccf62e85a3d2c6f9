using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OwnModel;

/// <summary>A small transformer as it may stand in any code base: it knows nothing of this library. Modules are reached through <c>call</c>, not <c>forward</c>.</summary>
internal sealed class Encoder : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly ModuleList<EncoderLayer> layers;
    private readonly LayerNorm norm;
    private readonly Linear classifier;

    public Encoder(int width, int depth, int classes)
        : base(nameof(Encoder))
    {
        stem = nn.Conv2d(3, width, kernel_size: 8, stride: 8);
        layers = new ModuleList<EncoderLayer>([.. Enumerable.Range(0, depth).Select(i => new EncoderLayer(width, shift: i % 2 * 3))]);
        norm = nn.LayerNorm(width);
        classifier = nn.Linear(width, classes);
        RegisterComponents();
    }

    /// <summary>[batch, 3, height, width] to [batch, classes].</summary>
    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        var x = stem.call(images).flatten(2).transpose(1, 2); // [batch, tokens, width]
        foreach (var layer in layers)
        {
            x = layer.call(x);
        }

        return scope.MoveToOuter(classifier.call(norm.call(x).mean([1])));
    }
}

/// <summary>Attention in groups of neighbouring tokens, the neighbourhood shifted in every other layer, then a perceptron.</summary>
internal sealed class EncoderLayer : nn.Module<Tensor, Tensor>
{
    private const int Group = 8;
    private readonly int _shift;
    private readonly LayerNorm before_attention;
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly Product scores = new();
    private readonly Softmax softmax = nn.Softmax(-1);
    private readonly Product mixture = new();
    private readonly Linear output;
    private readonly LayerNorm before_mlp;
    private readonly Linear expand;
    private readonly GELU gelu = nn.GELU();
    private readonly Linear contract;

    public EncoderLayer(int width, int shift)
        : base(nameof(EncoderLayer))
    {
        _shift = shift;
        before_attention = nn.LayerNorm(width);
        query = nn.Linear(width, width);
        key = nn.Linear(width, width);
        value = nn.Linear(width, width, hasBias: false);
        output = nn.Linear(width, width);
        before_mlp = nn.LayerNorm(width);
        expand = nn.Linear(width, 2 * width);
        contract = nn.Linear(2 * width, width);
        RegisterComponents();
    }

    /// <summary>[batch, tokens, width] to the same.</summary>
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var (count, width) = (tokens.shape[1], tokens.shape[2]);
        var x = before_attention.call(tokens).roll(-_shift, 1).reshape(-1, Group, width);
        var attention = softmax.call(scores.call(query.call(x), key.call(x).transpose(1, 2)) / Math.Sqrt(width)); // [groups, Group, Group]
        x = output.call(mixture.call(attention, value.call(x))).reshape(-1, count, width).roll(_shift, 1);
        x = tokens + x;
        x = x + contract.call(gelu.call(expand.call(before_mlp.call(x))));
        return scope.MoveToOuter(x);
    }
}

/// <summary>A product of two activations as a module: hooks see the operands of a module, not those of a function.</summary>
internal sealed class Product() : nn.Module<Tensor, Tensor, Tensor>(nameof(Product))
{
    public override Tensor forward(Tensor left, Tensor right) => matmul(left, right);
}
