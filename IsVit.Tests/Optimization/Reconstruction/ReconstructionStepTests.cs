using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using IsVit.Tests.TestSupport;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.Reconstruction;

/// <summary>What a step of a reconstruction is taken on: unrounded activations, inputs of both models, views of images.</summary>
public sealed class ReconstructionStepTests
{
    /// <summary>What a step reads is, number by number, the rounded one or the one that was not rounded, as often as was asked for; what the losses are measured with is rounded throughout.</summary>
    [Theory]
    [InlineData(RecipeNames.ISVit, null, 0.5)]
    [InlineData(RecipeNames.ISVit, 0.2, 0.2)]
    [InlineData(RecipeNames.Released, null, 0.0)]
    public void Run_Steps_LeaveAShareOfActivationsUnrounded(string recipe, double? probability, double expected)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var (given, shares) = (default(Tensor), new List<(bool IsStep, double Share)>());
        Linear? fc2 = null;
        var before = new ProbeStage("before", context =>
        {
            // The first hook sees what the site's own hook is given, the second what it passes on.
            var site = context.Attachment.Find("blocks.1.mlp.fc2:input")!;
            site.Reader = x => given = x.detach().clone().DetachFromDisposeScope();
            fc2 = (Linear)context.Graph.Modules["blocks.1.mlp.fc2"];
            fc2.register_forward_pre_hook((_, x) =>
            {
                if (given is null)
                {
                    // The float model's forward.
                    return x;
                }

                var rounded = site.Quantizer.FakeQuantize(given!);
                var changes = rounded.ne(given!);
                Assert.True(x.eq(rounded).logical_or(x.eq(given!)).all().item<bool>());
                shares.Add((is_grad_enabled(), 1.0 - (x.ne(given!).sum().item<long>() / (double)changes.sum().item<long>())));
                given = null;
                return x;
            });
        });

        var after = new ProbeStage("after", static context => context.Attachment.Find("blocks.1.mlp.fc2:input")!.Reader = null);
        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, "before", StageNames.ActivationReconstruction, "after"], [before, after], options =>
        {
            options.Recipe = recipe;
            options.Reconstruction.DropProbability = probability;
        }).Run(model, Micro.Images());

        var steps = shares.Where(static share => share.IsStep).Select(static share => share.Share).ToList();
        Assert.True(steps.Count >= 6);
        Assert.Equal(expected, steps.Average(), expected == 0 ? 0 : 0.02);
        Assert.Equal(0, shares.Where(static share => !share.IsStep).Max(static share => share.Share));
        Assert.Null(quantized.Attachment.Find("blocks.1.mlp.fc2:input")!.Blend);
    }

    /// <summary>In stage 3 a step's inputs are, number by number, the quantized model's or the float model's.</summary>
    [Fact]
    public void Run_StepsOfStageThree_MixInputsOfBothModels()
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();
        var images = Micro.Images();
        using var original = Micro.Vit();
        var (steps, looks, inFloat) = (new List<Tensor>(), new List<Tensor>(), zeros(0));
        original.Blocks[1].register_forward_pre_hook((_, x) =>
        {
            inFloat = x.clone().DetachFromDisposeScope();
            return x;
        });
        Micro.Call(original, images);
        var before = new ProbeStage("before", context => model.Blocks[1].register_forward_pre_hook((_, x) =>
        {
            (is_grad_enabled() ? steps : looks).Add(x.detach().clone().DetachFromDisposeScope());
            return x;
        }));

        using var quantized = Micro.Quantizer([StageNames.ActivationCalibration, StageNames.WeightCalibration, "before", StageNames.WeightReconstruction], [before], static options =>
        {
            (options.WeightBits, options.Reconstruction.LearningRate, options.Reconstruction.Iterations, options.Reconstruction.DropProbability) = (2, 1e-12, 4, 0.5);
            options.Reconstruction.BatchSize = 64;
        }).Run(model, images);

        // Weights stay what they are, so that each image has one input in either model.
        using var noGrad = no_grad();
        static Tensor Distances(Tensor x, Tensor y) => (x.flatten(1).unsqueeze(1) - y.flatten(1)).square().sum(-1);
        var seen = cat(looks);
        var isFloat = Distances(seen, inFloat).amin([1L]).lt(1e-6);
        Tensor Nearest(Tensor among, Tensor x) => among.index_select(0, Distances(x, among).argmin(1));
        Assert.Equal(4, steps.Count);
        foreach (var step in steps)
        {
            var (ofQuantized, ofFloat) = (Nearest(seen[isFloat.logical_not()], step), Nearest(seen[isFloat], step));
            Assert.True(step.eq(ofQuantized).logical_or(step.eq(ofFloat)).all().item<bool>());
            Assert.InRange(step.eq(ofFloat).to(float64).mean().item<double>(), 0.45, 0.55);
        }
    }

    /// <summary>Steps are taken on the images that are not held out and on new views of them; what is held out is looked at as it is, and no view shows any of it.</summary>
    [Theory]
    [InlineData(RecipeNames.ISVit, null, 8)]
    [InlineData(RecipeNames.ISVit, 3, 3)]
    [InlineData(RecipeNames.Released, null, 1)]
    public void Run_Views_AreOfImagesThatStepsAreTakenOn(string recipe, int? asked, int views)
    {
        using var scope = NewDisposeScope();
        using var model = Micro.Vit();

        // Image i holds no number but i + 1, so that a view tells which images it was made of.
        const int Count = 24;
        const int HeldOut = 3;
        var images = arange(1, Count + 1, float32).view(Count, 1, 1, 1).expand(Count, 3, 32, 32).contiguous();
        var (steps, looks) = (new List<Tensor>(), new List<Tensor>());
        var before = new ProbeStage("before", context => model.PatchEmbed.register_forward_pre_hook((_, x) =>
        {
            (is_grad_enabled() ? steps : looks).Add(x.detach().clone().DetachFromDisposeScope());
            return x;
        }));

        using var quantized = Micro.Quantizer([StageNames.WeightCalibration, "before", StageNames.WeightReconstruction], [before], options =>
        {
            options.Recipe = recipe;
            (options.Reconstruction.HeldOutShare, options.Reconstruction.Views) = (0.125, asked);
            (options.Reconstruction.Iterations, options.Reconstruction.BatchSize) = (20, 64);
        }).Run(model, images);

        var stepped = cat(steps);
        long[] Numbers(Tensor x) => [.. x.flatten(1).data<float>().ToArray().Select(static number => (long)Math.Round(number)).Distinct().Order()];
        var judged = Numbers(looks.First(static x => x.shape[0] == HeldOut));
        Assert.Equal(HeldOut, judged.Length);
        Assert.Equal(Enumerable.Range(1, Count).Select(static number => (long)number).Except(judged), Numbers(stepped));
        Assert.Equal(steps.Count * Math.Min(64, (Count - HeldOut) * views), stepped.shape[0]);
        var parts = Enumerable.Range(0, (int)stepped.shape[0]).Select(i => Numbers(stepped.narrow(0, i, 1)).Length).ToList();
        Assert.Equal(views == 1 ? [1] : [1, 2], parts.Distinct().Order());
        Assert.Equal(1.0 / views, parts.Count(static count => count == 1) / (double)parts.Count, 0.06);

        // Two streams of everything, one in float.
        var streamed = looks.Where(static x => x.shape[0] > HeldOut).Sum(static x => x.shape[0]);
        Assert.Equal(2 * (Count + ((views - 1) * (Count - HeldOut))), streamed);
    }
}
