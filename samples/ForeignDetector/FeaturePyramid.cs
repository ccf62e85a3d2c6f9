using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ForeignDetector;

/// <summary>The encoder: features of the backbone to those of two resolutions, as one row of places: [batch, places, width].</summary>
internal sealed class FeaturePyramid : Module<Tensor, Tensor>
{
    private readonly ConvolutionUnit input_proj;
    private readonly Halving down_sample1;
    private readonly SiluConvolution bi_fusion;
    private readonly PyramidBlock fpn_block;
    private readonly Halving down_sample2;
    private readonly PyramidBlock pan_block;

    public FeaturePyramid(OnnxWeights weights)
        : base(nameof(FeaturePyramid))
    {
        input_proj = new(weights, "encoder.input_proj.0");
        down_sample1 = new(weights, "encoder.down_sample1");
        bi_fusion = new(weights, "encoder.bi_fusion.cv.conv_bn_fused");
        fpn_block = new(weights, "encoder.fpn_block");
        down_sample2 = new(weights, "encoder.down_sample2");
        pan_block = new(weights, "encoder.pan_block");
        RegisterComponents();
    }

    public override Tensor forward(Tensor features)
    {
        using var scope = NewDisposeScope();
        var fine = input_proj.call(features);
        var coarse = down_sample1.call(fine);
        coarse = bi_fusion.call(coarse.Plus(functional.adaptive_avg_pool2d(coarse, 1)));
        fine = fpn_block.call(fine.Plus(functional.interpolate(coarse, scale_factor: [2.0, 2.0], mode: InterpolationMode.Nearest)));
        coarse = pan_block.call(coarse.Plus(down_sample2.call(fine)));
        return scope.MoveToOuter(cat([fine.flatten(2), coarse.flatten(2)], 2).transpose(1, 2).contiguous());
    }
}

/// <summary>Pooling to half the resolution, and a convolution over single pixels.</summary>
internal sealed class Halving : Module<Tensor, Tensor>
{
    private readonly SiluConvolution conv;

    public Halving(OnnxWeights weights, string path)
        : base(nameof(Halving))
    {
        conv = new(weights, $"{path}.1");
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(conv.call(functional.avg_pool2d(x, 3, stride: 2, padding: 1)));
    }
}

/// <summary>A convolution and SiLU.</summary>
internal sealed class SiluConvolution : Module<Tensor, Tensor>
{
    private readonly Conv2d conv;

    public SiluConvolution(OnnxWeights weights, string path)
        : base(nameof(SiluConvolution))
    {
        conv = weights.Convolution(path);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(functional.silu(conv.call(x)));
    }
}

/// <summary>A block of the pyramid: one half of the channels goes through two rows of convolutions, and all that came about is mixed.</summary>
internal sealed class PyramidBlock : Module<Tensor, Tensor>
{
    private readonly SiluConvolution cv1;
    private readonly Sequential cv2;
    private readonly Sequential cv3;
    private readonly SiluConvolution cv4;

    public PyramidBlock(OnnxWeights weights, string path)
        : base(nameof(PyramidBlock))
    {
        cv1 = new(weights, $"{path}.cv1.conv_bn_fused");
        cv2 = Sequential(new HalfBlock(weights, $"{path}.cv2.0"), new SiluConvolution(weights, $"{path}.cv2.1.conv_bn_fused"));
        cv3 = Sequential(new HalfBlock(weights, $"{path}.cv3.0"), new SiluConvolution(weights, $"{path}.cv3.1.conv_bn_fused"));
        cv4 = new(weights, $"{path}.cv4.conv_bn_fused");
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var halves = cv1.call(x).chunk(2, 1);
        var once = cv2.call(halves[1]);
        return scope.MoveToOuter(cv4.call(cat([halves[0], halves[1], once, cv3.call(once)], 1)));
    }
}

/// <summary>A convolution to twice the channels, one half of which goes through two more and is added to the other.</summary>
internal sealed class HalfBlock : Module<Tensor, Tensor>
{
    private readonly SiluConvolution conv1;
    private readonly Sequential bottlenecks;

    public HalfBlock(OnnxWeights weights, string path)
        : base(nameof(HalfBlock))
    {
        conv1 = new(weights, $"{path}.conv1.conv_bn_fused");
        bottlenecks = Sequential(new SiluConvolution(weights, $"{path}.bottlenecks.0.conv"), new SiluConvolution(weights, $"{path}.bottlenecks.1.conv"));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var halves = conv1.call(x).chunk(2, 1);
        return scope.MoveToOuter(halves[0].Plus(bottlenecks.call(halves[1])));
    }
}
