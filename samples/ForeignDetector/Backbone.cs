using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ForeignDetector;

/// <summary>HGNetV2 (PaddleDetection) of three stages: images [batch, 3, height, width] to features of a sixteenth of the resolution.</summary>
internal sealed class Backbone : Module<Tensor, Tensor>
{
    private readonly Stem stem;
    private readonly Sequential stages;

    public Backbone(OnnxWeights weights)
        : base(nameof(Backbone))
    {
        stem = new Stem(weights);
        stages = Sequential(Enumerable.Range(0, 3).Select(i => (Module<Tensor, Tensor>)new BackboneStage(weights, $"backbone.stages.{i}", downsamples: i > 0, isLight: i == 2)).ToArray());
        RegisterComponents();
    }

    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(stages.call(stem.call(images)));
    }
}

/// <summary>The first layers, down to a quarter of the resolution.</summary>
internal sealed class Stem : Module<Tensor, Tensor>
{
    private readonly ConvolutionUnit stem1;
    private readonly ConvolutionUnit stem2a;
    private readonly ConvolutionUnit stem2b;
    private readonly ConvolutionUnit stem3;
    private readonly ConvolutionUnit stem4;

    public Stem(OnnxWeights weights)
        : base(nameof(Stem))
    {
        stem1 = new(weights, "backbone.stem.stem1");
        stem2a = new(weights, "backbone.stem.stem2a");
        stem2b = new(weights, "backbone.stem.stem2b");
        stem3 = new(weights, "backbone.stem.stem3");
        stem4 = new(weights, "backbone.stem.stem4");
        RegisterComponents();
    }

    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        var x = functional.pad(stem1.call(images), (0L, 1L, 0L, 1L));
        var pooled = functional.max_pool2d(x, 2, stride: 1);
        x = cat([pooled, stem2b.call(stem2a.call(x))], 1);
        return scope.MoveToOuter(stem4.call(stem3.call(x)));
    }
}

/// <summary>A row of convolutions whose outputs are all concatenated and then mixed by two convolutions over single pixels.</summary>
internal sealed class BackboneStage : Module<Tensor, Tensor>
{
    private readonly ConvolutionUnit? downsample;
    private readonly ModuleList<Module<Tensor, Tensor>> layers;
    private readonly Sequential aggregation;

    public BackboneStage(OnnxWeights weights, string path, bool downsamples, bool isLight)
        : base(nameof(BackboneStage))
    {
        downsample = downsamples ? new(weights, $"{path}.downsample") : null;
        path += ".blocks.0";
        layers = new([.. Enumerable.Range(0, 3).Select(i => $"{path}.layers.{i}").Select(Module<Tensor, Tensor> (layer) => isLight
            ? Sequential(("conv1", new ConvolutionUnit(weights, $"{layer}.conv1")), ("conv2", new ConvolutionUnit(weights, $"{layer}.conv2")))
            : new ConvolutionUnit(weights, layer))]);
        aggregation = Sequential(new ConvolutionUnit(weights, $"{path}.aggregation.0"), new ConvolutionUnit(weights, $"{path}.aggregation.1"));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        List<Tensor> all = [downsample is null ? x : downsample.call(x)];
        foreach (var layer in layers)
        {
            all.Add(layer.call(all[^1]));
        }

        return scope.MoveToOuter(aggregation.call(cat(all, 1)));
    }
}

/// <summary>A convolution, with ReLU and a learned factor and offset behind it where the file has these.</summary>
internal sealed class ConvolutionUnit : Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly Parameter? scale;
    private readonly Parameter? bias;
    private readonly long[] _padding;

    public ConvolutionUnit(OnnxWeights weights, string path)
        : base(nameof(ConvolutionUnit))
    {
        conv = weights.Convolution($"{path}.conv");
        _padding = weights.Padding($"{path}.conv");
        if (weights.Has($"model.{path}.lab.scale"))
        {
            scale = new Parameter(weights.Values($"model.{path}.lab.scale"));
            bias = new Parameter(weights.Values($"model.{path}.lab.bias"));
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var y = conv.call(OnnxWeights.IsSymmetric(_padding) ? x : functional.pad(x, [_padding[1], _padding[3], _padding[0], _padding[2]]));
        return scope.MoveToOuter(scale is null ? y : y.relu().mul(scale).Plus(bias!));
    }
}
