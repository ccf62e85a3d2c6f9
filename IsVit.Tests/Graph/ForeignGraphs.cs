using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>Fields typed as TorchSharp's sealed layers; three projections of one LayerNorm; functional softmax, GELU and products; its own dispose scopes.</summary>
internal sealed class TypedFieldsModel : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d patches = nn.Conv2d(3, 24, 8, 8);
    private readonly LayerNorm norm1 = nn.LayerNorm(24);
    private readonly Linear q = nn.Linear(24, 24);
    private readonly Linear k = nn.Linear(24, 24, hasBias: false);
    private readonly Linear v = nn.Linear(24, 24);
    private readonly Linear o = nn.Linear(24, 24);
    private readonly LayerNorm norm2 = nn.LayerNorm(24);
    private readonly Linear up = nn.Linear(24, 40);
    private readonly Linear down = nn.Linear(40, 24);
    private readonly Linear classifier = nn.Linear(24, 5);

    public TypedFieldsModel()
        : base(nameof(TypedFieldsModel)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = patches.call(input).flatten(2).transpose(1, 2);
        var n = norm1.call(x);
        var scores = matmul(q.call(n), k.call(n).transpose(1, 2)) / Math.Sqrt(24);
        x = x + o.call(matmul(nn.functional.softmax(scores, -1), v.call(n)));
        x = x + down.call(nn.functional.gelu(up.call(norm2.call(x))));
        return classifier.call(x.mean([1])).MoveToOuterDisposeScope();
    }
}

/// <summary>Softmax as a module, products as plain functions, temporaries disposed one by one without any scope.</summary>
internal sealed class UsingBlock : nn.Module<Tensor, Tensor>
{
    private readonly LayerNorm norm = nn.LayerNorm(24);
    private readonly Linear qk = nn.Linear(24, 48);
    private readonly Linear value = nn.Linear(24, 24);
    private readonly Softmax softmax = nn.Softmax(-1);
    private readonly Sequential mlp = nn.Sequential(("norm", nn.LayerNorm(24)), ("up", nn.Linear(24, 32)), ("act", nn.GELU()), ("drop", nn.Dropout(0.2)), ("down", nn.Linear(32, 24)));

    public UsingBlock()
        : base(nameof(UsingBlock)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        using var n = norm.call(input);
        using var both = qk.call(n);
        using var left = both.narrow(2, 0, 24);
        using var right = both.narrow(2, 24, 24);
        using var transposed = right.transpose(1, 2);
        using var scores = matmul(left, transposed);
        using var attention = softmax.call(scores);
        using var v = value.call(n);
        using var mixed = matmul(attention, v);
        using var x = input + mixed;
        using var y = mlp.call(x);
        return x + y;
    }
}

/// <summary>Stages of blocks as lists in a list.</summary>
internal sealed class NestedListsModel : nn.Module<Tensor, Tensor>
{
    private readonly Linear embed = nn.Linear(192, 24);
    private readonly ModuleList<ModuleList<UsingBlock>> stages = nn.ModuleList(nn.ModuleList(new UsingBlock(), new UsingBlock()), nn.ModuleList(new UsingBlock()));
    private readonly Linear head = nn.Linear(24, 5);

    public NestedListsModel()
        : base(nameof(NestedListsModel)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        using var rows = input.reshape(input.shape[0], 16, 192);
        var x = embed.call(rows);
        foreach (var block in stages.SelectMany(static stage => stage))
        {
            using var before = x;
            x = block.call(before);
        }

        using var last = x;
        using var pooled = last.mean([1]);
        return head.call(pooled);
    }
}

/// <summary>A product module that does not know this library.</summary>
internal sealed class ScaledProduct : nn.Module<Tensor, Tensor, Tensor>
{
    public ScaledProduct()
        : base(nameof(ScaledProduct))
    {
    }

    public override Tensor forward(Tensor input1, Tensor input2)
    {
        using var product = matmul(input1, input2);
        return product / Math.Sqrt(input1.shape[^1]);
    }
}
