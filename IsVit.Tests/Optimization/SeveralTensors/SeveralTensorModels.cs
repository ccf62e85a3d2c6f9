using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.SeveralTensors;

/// <summary>A block of one input.</summary>
internal sealed class Block : nn.Module<Tensor, Tensor>
{
    private readonly Linear _fc1 = nn.Linear(12, 24);
    private readonly GELU _act = nn.GELU();
    private readonly Linear _fc2 = nn.Linear(24, 12);

    public Block()
        : base("Block") => RegisterComponents();

    public override Tensor forward(Tensor input) => input + _fc2.call(_act.call(_fc1.call(input)));
}

internal sealed class SoloModel : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> _blocks = new([new Block(), new Block()]);
    private readonly Linear _head = nn.Linear(12, 6);

    private SoloModel()
        : base("SoloModel") => RegisterComponents();

    public static SoloModel Create()
    {
        var model = new SoloModel();
        Micro.Enliven(model, 5);
        model.eval();
        return model;
    }

    public override Tensor forward(Tensor input) => _head.call(_blocks[1].call(_blocks[0].call(input)).mean([1L]));
}

/// <summary>A block of two inputs, with the layers of <see cref="Block"/>.</summary>
internal sealed class CrossBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear _fc1 = nn.Linear(12, 24);
    private readonly GELU _act = nn.GELU();
    private readonly Linear _fc2 = nn.Linear(24, 12);
    private readonly bool _mixes;

    public CrossBlock(bool mixes)
        : base("CrossBlock")
    {
        RegisterComponents();
        _mixes = mixes;
    }

    public override Tensor forward(Tensor input1, Tensor input2)
    {
        var mixed = _mixes ? input1 + input2.mean([1L], keepdim: true) : input1;
        return input1 + _fc2.call(_act.call(_fc1.call(mixed)));
    }
}

internal sealed class CrossModel : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor, Tensor>> _blocks;
    private readonly Linear _head = nn.Linear(12, 6);

    private CrossModel(bool mixes)
        : base("CrossModel")
    {
        _blocks = new([new CrossBlock(mixes), new CrossBlock(mixes)]);
        RegisterComponents();
    }

    public static CrossModel Create(bool mixes = true)
    {
        var model = new CrossModel(mixes);
        Micro.Enliven(model, 5);
        model.eval();
        return model;
    }

    public override Tensor forward(Tensor input1, Tensor input2) => _head.call(_blocks[1].call(_blocks[0].call(input1, input2), input2).mean([1L]));
}

/// <summary>A stage that gives what it read as well, and the place of something, in a nest of containers.</summary>
internal sealed class Stage : nn.Module<List<Tensor>, (List<Tensor> Features, Tensor Place)>
{
    private readonly Linear _fc1 = nn.Linear(12, 24);
    private readonly GELU _act = nn.GELU();
    private readonly Linear _fc2 = nn.Linear(24, 12);

    public Stage()
        : base("Stage") => RegisterComponents();

    public override (List<Tensor> Features, Tensor Place) forward(List<Tensor> input)
    {
        var x = input[^1];
        var y = x + _fc2.call(_act.call(_fc1.call(x)));
        return ([y, y * 0.5f + x], y.flatten(1).argmax(1));
    }
}

internal sealed class Detector : nn.Module<Tensor, (Tensor Scores, Tensor Boxes, Tensor Place)>
{
    private readonly ModuleList<Stage> _stages = new([new Stage(), new Stage()]);
    private readonly Linear _scores = nn.Linear(12, 4);
    private readonly Linear _boxes = nn.Linear(12, 4);

    private Detector()
        : base("Detector") => RegisterComponents();

    public static Detector Create()
    {
        var model = new Detector();
        Micro.Enliven(model, 5);
        model.eval();
        return model;
    }

    public override (Tensor Scores, Tensor Boxes, Tensor Place) forward(Tensor input)
    {
        var (features, _) = _stages[0].call([input]);
        var (last, place) = _stages[1].call(features);
        return (_scores.call(last[0].mean([1L])), _boxes.call(last[1]), place);
    }
}

internal sealed class Keyed : nn.Module<Dictionary<string, Tensor>, Dictionary<string, Tensor>>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> _layers = new([nn.Linear(12, 16), nn.Linear(16, 5)]);

    public Keyed()
        : base("Keyed") => RegisterComponents();

    public override Dictionary<string, Tensor> forward(Dictionary<string, Tensor> input)
    {
        var hidden = _layers[0].call(input["image"] * input["scale"]).relu();
        return new() { ["hidden"] = hidden, ["scores"] = _layers[1].call(hidden) };
    }
}

/// <summary>Tells its block how many samples there are, which depends on the batch.</summary>
internal sealed class Counted : nn.Module<Tensor, Tensor>
{
    private readonly Scaled _block = new();

    public Counted()
        : base("Counted") => RegisterComponents();

    public override Tensor forward(Tensor input) => _block.call(input, input.shape[0]);

    public sealed class Scaled : nn.Module<Tensor, long, Tensor>
    {
        private readonly Linear _fc = nn.Linear(12, 12);

        public Scaled()
            : base("Scaled") => RegisterComponents();

        public override Tensor forward(Tensor input1, long input2) => _fc.call(input1) * (1f / input2);
    }
}

/// <summary>Gives its block something that does not come in with the image.</summary>
internal sealed class Sly : nn.Module<Tensor, Tensor>
{
    private readonly Inner _block;
    private readonly string _kind;

    public Sly(string kind)
        : base("Sly")
    {
        _kind = kind;
        _block = new Inner();
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        _block.Field = _kind == "field" ? input * 0.5f : null;
        return _block.call(input, new Extra(_kind == "record" ? input * 0.5f : null, _kind == "count" ? input.shape[0] : 1));
    }

    public sealed record Extra(Tensor? Tensor, long Count);

    public sealed class Inner : nn.Module<Tensor, Extra, Tensor>
    {
        private readonly Linear _fc = nn.Linear(12, 12);

        public Inner()
            : base("Inner") => RegisterComponents();

        public Tensor? Field { get; set; }

        public override Tensor forward(Tensor input1, Extra input2)
        {
            var y = _fc.call(input1) * (1f / input2.Count);
            return (input2.Tensor ?? Field) is { } extra ? y + extra.mean([0L], keepdim: true) : y;
        }
    }
}

internal sealed class MaskedBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear _fc = nn.Linear(12, 12);

    public MaskedBlock()
        : base("MaskedBlock") => RegisterComponents();

    public override Tensor forward(Tensor input1, Tensor input2) =>
        input1 + nn.functional.softmax(input1.matmul(input1.transpose(1, 2)) + input2, -1).matmul(_fc.call(input1));
}

internal sealed class Masked : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly ModuleList<MaskedBlock> _blocks = new([new MaskedBlock(), new MaskedBlock()]);
    private readonly Linear _head = nn.Linear(12, 6);

    private Masked()
        : base("Masked") => RegisterComponents();

    public static Masked Create()
    {
        var model = new Masked();
        Micro.Enliven(model, 5);
        model.eval();
        return model;
    }

    public override Tensor forward(Tensor input1, Tensor input2) => _head.call(_blocks[1].call(_blocks[0].call(input1, input2.log()), input2.log()).mean([1L]));
}

internal sealed class AddingBlock : nn.Module<List<Tensor>, Tensor>
{
    private readonly Linear _fc = nn.Linear(12, 12);

    public AddingBlock()
        : base("AddingBlock") => RegisterComponents();

    public override Tensor forward(List<Tensor> input)
    {
        var y = _fc.call(input[^1]).relu();
        input.Add(y);
        return y;
    }
}

internal sealed class Adding : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<AddingBlock> _blocks = new([new AddingBlock(), new AddingBlock()]);

    public Adding()
        : base("Adding") => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        List<Tensor> seen = [input];
        _blocks[0].call(seen);
        return _blocks[1].call(seen);
    }
}
