using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Architectures;
using IsVit.Model.Quantization;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.Uniform;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

/// <summary>Vision transformers of a few thousand weights, and quantizers for them as the paper gives them.</summary>
internal static class MicroModels
{
    public static readonly VisionTransformerOptions Options = new()
    {
        ImageSize = 32, PatchSize = 8, EmbedDim = 48, Depth = 2, HeadCount = 3, ClassCount = 10, MlpRatio = 2,
    };

    /// <summary>Weights large enough that every part of the network matters to its output.</summary>
    public static VisionTransformer Create(VisionTransformerOptions? options = null)
    {
        var model = new VisionTransformer(options ?? Options);
        Randomize(model);
        model.eval();
        return model;
    }

    /// <summary>Gives a model weights that depend on nothing but its shapes.</summary>
    public static void Randomize(nn.Module model)
    {
        using var noGrad = no_grad();
        var seed = 100;
        foreach (var (name, parameter) in model.named_parameters())
        {
            using var values = TestSupport.Seeded.Normal(seed++, parameter.shape);
            var isNormWeight = parameter.dim() == 1 && name.EndsWith("weight", StringComparison.Ordinal);
            using var scaled = isNormWeight ? (values * 0.3) + 1 : values * (parameter.dim() > 1 ? 0.15 : 0.1);
            parameter.copy_(scaled);
        }
    }

    public static Tensor Images(int count = 2, int seed = 1) => TestSupport.Seeded.Normal(seed, count, 3, 32, 32);

    /// <summary>The quantizers of stage 3: SULQ after a softmax, uniform elsewhere; weights by output channel; the model's input not at all.</summary>
    public static IQuantizer? Choose(Site site) => site.Role switch
    {
        SiteRole.ModelInput => null,
        SiteRole.PostSoftmax => new ShiftUniformLog2QuantizerFactory().Create(new("sulq", 4, Granularity.Tensor), isWeight: false),
        SiteRole.Weight => new UniformQuantizerFactory().Create(new("uniform", 4, Granularity.Channel(0)), isWeight: true),
        _ => new UniformQuantizerFactory().Create(new("uniform", 4, Granularity.Tensor), isWeight: false),
    };

    /// <summary>Attaches quantizers, calibrates them on the images, and quantizes everything.</summary>
    public static GraphAttachment AttachQuantized(ModuleGraph graph, Tensor images)
    {
        var attachment = GraphAttachment.Attach(graph, Choose);
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.CalibratingThenQuantized;
        }

        using var noGrad = no_grad();
        using var scope = TorchSharp.torch.NewDisposeScope();
        graph.Forward.Run(new SampleBatch(images));
        return attachment;
    }
}
