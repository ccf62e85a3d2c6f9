using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

public sealed class GraphAttachmentTests
{
    [Fact]
    public void Attach_ChosenSites_BindsThemInOrderAndOff()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        var images = MicroModels.Images();
        var before = model.call(images);
        var graph = ModuleGraph.Trace(model, images);

        using var attachment = GraphAttachment.Attach(graph, MicroModels.Choose);

        Assert.Equal(graph.Sites.Where(static site => site.Role != SiteRole.ModelInput), attachment.Bindings.Select(static binding => binding.Site));
        Assert.All(attachment.Bindings, static binding => Assert.Equal(SiteState.Off, binding.State));
        Assert.Same(attachment.Bindings[0], attachment.Find("patch_embed.proj:weight"));
        Assert.Null(attachment.Find("patch_embed.proj:input"));
        Assert.Null(attachment.Find("nowhere"));
        TensorAssert.Identical(before, model.call(images));
    }

    [Fact]
    public void Dispose_VisionTransformerWithUserHooks_LeavesThemAndTheOutput()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        var images = MicroModels.Images();
        var calls = 0;
        model.Blocks[0].Attn.Qkv.register_forward_hook(_ => calls++);
        model.Blocks[0].Attn.Softmax.register_forward_pre_hook((_, x) => x);
        var before = model.call(images);
        var hooks = Hooks.Of(model);
        var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images), images);
        model.call(images);
        Assert.NotEqual(hooks, Hooks.Of(model));
        calls = 0;

        attachment.Dispose();
        attachment.Dispose();

        Assert.Equal(hooks, Hooks.Of(model));
        TensorAssert.Identical(before, model.call(images));
        Assert.Equal(1, calls);
        using var again = GraphAttachment.Attach(attachment.Graph, MicroModels.Choose);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void Call_OtherTypes_QuantizesInThemAndLeavesTheFloatOutput(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        model.to(type);
        var images = MicroModels.Images().to(type);
        var before = model.call(images);

        var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images), images);
        var quantized = model.call(images);
        attachment.Dispose();

        Assert.Equal(type, quantized.dtype);
        Assert.NotEqual(0, (quantized - before).abs().max().to(float64).item<double>());
        TensorAssert.Identical(before, model.call(images));
    }

    [Fact]
    public void Attach_PartOfAnAttachedModel_NamesThePart()
    {
        using var scope = NewDisposeScope();
        var inner = Sequential(("fc", Linear(4, 4)));
        var outer = Sequential(("body", inner), ("head", Linear(4, 4)));
        var sample = ones(2, 4);
        var (outerGraph, innerGraph) = (ModuleGraph.Trace(outer, sample), ModuleGraph.Trace(inner, sample));

        using (GraphAttachment.Attach(innerGraph, MicroModels.Choose))
        {
            Assert.Contains("'body' has quantizers attached", Assert.Throws<QuantizationException>(() => GraphAttachment.Attach(outerGraph, MicroModels.Choose)).Message, StringComparison.Ordinal);
        }

        using (GraphAttachment.Attach(outerGraph, MicroModels.Choose))
        {
            Assert.Contains("The model has quantizers attached", Assert.Throws<QuantizationException>(() => GraphAttachment.Attach(innerGraph, MicroModels.Choose)).Message, StringComparison.Ordinal);
        }

        Hooks.AssertNone(outer);
    }

    [Fact]
    public void Attach_ChoiceThrows_DisposesWhatWasChosenAndLeavesNoHook()
    {
        using var model = Sequential(("a", Linear(4, 4)), ("b", Linear(4, 4)));
        using var sample = ones(2, 4);
        using var data = Seeded.Normal(1, 2, 4);
        var graph = ModuleGraph.Trace(model, sample);

        LiveTensors.AssertNoneLeftBy(() => Assert.Throws<NotSupportedException>(() => GraphAttachment.Attach(graph, site =>
        {
            if (site.Path == "b")
            {
                throw new NotSupportedException();
            }

            var quantizer = MicroModels.Choose(site with { Role = SiteRole.Other })!;
            quantizer.Calibrate(data);
            return quantizer;
        })));

        Hooks.AssertNone(model);
        GraphAttachment.Attach(graph, static _ => null).Dispose();
    }

    [Fact]
    public void Suspend_NestedAndDisposedTwice_EndsWithTheOutermost()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Linear(4, 4);
        var x = Seeded.Normal(1, 3, 4);
        var exact = model.call(x);
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, x), x);
        var quantized = model.call(x);
        var outer = attachment.Suspend();
        var inner = attachment.Suspend();
        inner.Dispose();
        TensorAssert.Identical(exact, model.call(x));
        outer.Dispose();
        TensorAssert.Identical(quantized, model.call(x));
        using (attachment.Suspend())
        {
            outer.Dispose();
            TensorAssert.Identical(exact, model.call(x));
        }

        Assert.True(attachment.IsEnabled);
    }

    [Fact]
    public void Call_CalibratingThenQuantized_LaterSitesSeeQuantizedNumbers()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Sequential(("a", Linear(4, 6)), ("b", Linear(6, 3)));
        var x = Seeded.Normal(1, 5, 4);
        var graph = ModuleGraph.Trace(model, x);
        IQuantizer Make() => new UniformQuantizerFactory().Create(new("uniform", 3, Granularity.Tensor), isWeight: false);
        using var attachment = GraphAttachment.Attach(graph, site => site.Operand == SiteOperand.Input ? Make() : null);
        var (first, second) = (attachment.Find("a:input")!, attachment.Find("b:input")!);

        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.Calibrating;
        }

        TensorAssert.Identical(((Linear)graph.Modules["b"]).call(((Linear)graph.Modules["a"]).call(x)), model.call(x));
        var fromFloat = second.Quantizer.ExportParameters().Required("scale")[0];
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.CalibratingThenQuantized;
        }

        var output = model.call(x);

        Assert.Equal([SiteState.Quantized, SiteState.Quantized], attachment.Bindings.Select(static binding => binding.State));
        using var expected = Make();
        using var own = Make();
        own.Calibrate(x);
        var hidden = functional.linear(own.FakeQuantize(x), ((Linear)graph.Modules["a"]).weight, ((Linear)graph.Modules["a"]).bias);
        expected.Calibrate(hidden);
        Assert.Equal(expected.ExportParameters().Required("scale"), second.Quantizer.ExportParameters().Required("scale"));
        Assert.NotEqual(fromFloat, second.Quantizer.ExportParameters().Required("scale")[0]);
        TensorAssert.Identical(functional.linear(expected.FakeQuantize(hidden), ((Linear)graph.Modules["b"]).weight, ((Linear)graph.Modules["b"]).bias), output);
        Assert.Equal(own.ExportParameters().Required("scale"), first.Quantizer.ExportParameters().Required("scale"));
    }

    [Fact]
    public void State_SetToCalibratingAgain_CalibratesOnceMoreOnTheNextNumbersOnly()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Linear(4, 4);
        var x = Seeded.Normal(1, 5, 4);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, x), static site => site.IsInput() ? MicroModels.Choose(site with { Role = SiteRole.Other }) : null);
        var binding = attachment.Bindings.Single();
        double Scale() => binding.Quantizer.ExportParameters().Required("scale")[0];

        binding.State = SiteState.Calibrating;
        model.call(x);
        var first = Scale();
        model.call(x * 2);
        Assert.Equal(first, Scale());
        binding.State = SiteState.Calibrating;
        model.call(x * 2);
        Assert.Equal(2 * first, Scale(), 1e-6 * first);
    }

    [Fact]
    public void Call_SharedQuantizer_IsCalibratedByTheFirstSiteAndDisposedOnce()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (model, x) = (new TypedFieldsModel(), MicroModels.Images());
        var shared = new UniformQuantizerFactory().Create(new("uniform", 4, Granularity.Channel(-1)), isWeight: false);
        var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, x), site => site.Producer == "norm1" ? shared : null);
        Assert.Equal(["q:input", "k:input", "v:input"], attachment.Bindings.Select(static binding => binding.Site.Id));
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.CalibratingThenQuantized;
        }

        model.call(x);
        Assert.All(attachment.Bindings, static binding => Assert.Equal(SiteState.Quantized, binding.State));
        var own = new UniformQuantizerFactory().Create(new("uniform", 4, Granularity.Tensor), isWeight: false);
        own.ImportParameters(QuantizationParameters.Create("uniform", 4, Granularity.Tensor, new Dictionary<string, IReadOnlyList<double>> { ["scale"] = [0.5], ["zero_point"] = [8] }, shared.ExportParameters().Options));
        attachment.Bindings[0].Replace(own, attachment);
        Assert.Equal(24, shared.ExportParameters().Required("scale").Count);
        attachment.Bindings[1].Replace(own, attachment);
        attachment.Bindings[2].Replace(own, attachment);
        model.call(x);
        Assert.ThrowsAny<Exception>(() => shared.FakeQuantize(ones(1, 24)));
        attachment.Dispose();
        Assert.ThrowsAny<Exception>(() => own.FakeQuantize(ones(1, 24)));
    }

    [Fact]
    public void Replace_WrongAttachment_NamesTheSite()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Linear(4, 4), Linear(4, 4));
        using var first = GraphAttachment.Attach(ModuleGraph.Trace(a, ones(1, 4)), MicroModels.Choose);
        using var second = GraphAttachment.Attach(ModuleGraph.Trace(b, ones(1, 4)), MicroModels.Choose);
        using var quantizer = first.Bindings[0].Quantizer.Clone();

        Assert.Contains("':weight'", Assert.Throws<ArgumentException>(() => first.Bindings[0].Replace(quantizer, second)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => first.Bindings[0].State = (SiteState)17);
    }

    [Theory]
    [InlineData(SiteState.Quantized)]
    [InlineData(SiteState.Calibrating)]
    public void Call_QuantizerRefuses_NamesTheSiteOnce(SiteState state)
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("first", Linear(4, 4)), ("second", Linear(4, 4)));
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, ones(1, 4)), MicroModels.Choose);
        attachment.Find("second:input")!.State = state;

        var error = Assert.Throws<QuantizationException>(() => model.call(full([1, 4], float.NaN)));

        Assert.StartsWith("Site 'second:input': ", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, error.Message.Split("Site '").Length - 1);
    }

    [Fact]
    public void Call_HookRegisteredLater_ReadsTheReplacedInput()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = Sequential(("first", Linear(4, 4)), ("second", Linear(4, 4)));
        var x = Seeded.Normal(1, 5, 4);
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, x), x);
        var second = (Linear)attachment.Graph.Modules["second"];
        var distinct = 0L;
        second.register_forward_hook((_, input, output) =>
        {
            distinct = input.unique().output.numel();
            return output;
        });

        model.call(x);

        Assert.InRange(distinct, 2, 16);
    }

    [Fact]
    public void Call_EarlierHookKeepsASoftmaxOutput_StaysReadable()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new NestedListsModel();
        MicroModels.Randomize(model);
        model.eval();
        var images = MicroModels.Images();
        var kept = new List<Tensor>();
        var softmax = (Softmax)model.named_modules().First(static entry => entry.name == "stages.0.0.softmax").module;
        softmax.register_forward_hook((_, _, y) =>
        {
            kept.Add(y.DetachFromDisposeScope());
            return y;
        });
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images), images);
        kept.Clear();

        model.call(images);

        Assert.False(Assert.Single(kept).IsInvalid);
        kept[0].Dispose();
    }

    [Fact]
    public void Call_FromSeveralThreads_GivesWhatOneThreadGets()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        var images = Enumerable.Range(0, 6).Select(static i => MicroModels.Images(2, 10 + i)).ToList();
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images[0]), images[0]);
        foreach (var binding in attachment.Bindings.Where(static binding => binding.IsWeight))
        {
            binding.State = SiteState.Off;
        }

        var expected = images.Select(image => model.call(image)).ToList();
        var failures = new List<Exception>();
        var threads = images.Select((image, i) => new Thread(() =>
        {
            try
            {
                using var own = NewDisposeScope();
                using var withoutGradients = no_grad();
                for (var round = 0; round < 5; round++)
                {
                    TensorAssert.Identical(expected[i], model.call(image));
                }
            }
            catch (Exception e)
            {
                lock (failures)
                {
                    failures.Add(e);
                }
            }
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());

        Assert.Empty(failures);
    }

    [Fact]
    public void FromSites_AnotherInstanceWithTheSameParameters_GivesTheSameOutput()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MicroModels.Create();
        using var copy = MicroModels.Create();
        var images = MicroModels.Images();
        using var attachment = MicroModels.AttachQuantized(ModuleGraph.Trace(model, images), images);

        var graph = ModuleGraph.FromSites(ModelForward.Of(copy), [.. attachment.Bindings.Select(static binding => binding.Site)]);
        using var loaded = GraphAttachment.Attach(graph, site => attachment.Find(site.Id)!.Quantizer.Clone());
        foreach (var binding in loaded.Bindings)
        {
            binding.State = SiteState.Quantized;
        }

        Assert.Empty(graph.Units);
        TensorAssert.Identical(model.call(images), copy.call(images));
    }

    [Fact]
    public void FromSites_SitesThatDoNotFit_NamesThem()
    {
        using var model = MicroModels.Create();
        void Told(string part, params Site[] sites) =>
            Assert.Contains(part, Assert.Throws<QuantizationException>(() => ModuleGraph.FromSites(ModelForward.Of(model), sites)).Message, StringComparison.Ordinal);

        Told("'blocks.9.attn.qkv:input'", new Site("blocks.9.attn.qkv", SiteOperand.Input, SiteRole.Other));
        Told("'norm:weight', or one of another kind (LayerNorm)", new Site("norm", SiteOperand.Weight, SiteRole.Weight));
        Told("'head:left', or one of another kind (Linear)", new Site("head", SiteOperand.Left, SiteRole.Other));
        Told("'blocks.0.attn.qk:output', or one of another kind (MatMul)", new Site("blocks.0.attn.qk", SiteOperand.Output, SiteRole.PostSoftmax));
        Told("'head:input' is listed twice", new Site("head", SiteOperand.Input, SiteRole.Other), new Site("head", SiteOperand.Input, SiteRole.PostGelu));
    }
}

internal static class SiteExtensions
{
    public static bool IsInput(this Site site) => site.Operand == SiteOperand.Input;
}
