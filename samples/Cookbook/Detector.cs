using IsVit.Core.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cookbook;

/// <summary>A network of two inputs and two outputs: images and their sizes to class scores and boxes of each place, in pixels. Its blocks take two tensors as well.</summary>
internal sealed class Detector : Module<Tensor, Tensor, (Tensor Scores, Tensor Boxes)>
{
    private readonly Conv2d patches = Conv2d(1, 64, 7, 7);
    private readonly ModuleList<DetectorBlock> blocks = new([new DetectorBlock(), new DetectorBlock()]);
    private readonly Linear scores = Linear(64, 10);
    private readonly Linear boxes = Linear(64, 4);

    public Detector()
        : base(nameof(Detector)) => RegisterComponents();

    public override (Tensor Scores, Tensor Boxes) forward(Tensor images, Tensor sizes)
    {
        using var scope = NewDisposeScope();
        var x = patches.call(images).flatten(2).transpose(1, 2); // [batch, places, width]
        var queries = x.mean([1L], keepdim: true);
        foreach (var block in blocks)
        {
            queries = block.call(queries, x);
        }

        x = x + queries;
        return (scores.call(x).MoveToOuterDisposeScope(), (boxes.call(x).sigmoid() * sizes.repeat([1, 2]).unsqueeze(1)).MoveToOuterDisposeScope());
    }
}

/// <summary>What a query makes of all places.</summary>
internal sealed class DetectorBlock : Module<Tensor, Tensor, Tensor>
{
    private readonly Linear query = Linear(64, 64);
    private readonly Linear key = Linear(64, 64);
    private readonly Linear value = Linear(64, 64);
    private readonly MatMul scores = new();
    private readonly Softmax softmax = Softmax(-1);
    private readonly MatMul mix = new();
    private readonly Linear output = Linear(64, 64);

    public DetectorBlock()
        : base(nameof(DetectorBlock)) => RegisterComponents();

    public override Tensor forward(Tensor queries, Tensor places)
    {
        using var scope = NewDisposeScope();
        var attention = softmax.call(scores.call(query.call(queries), key.call(places).transpose(1, 2)) / 8);
        return (queries + output.call(mix.call(attention, value.call(places)))).MoveToOuterDisposeScope();
    }
}
