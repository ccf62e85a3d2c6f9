using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

public sealed class ParameterSnapshotTests
{
    [Fact]
    public void Use_ChangedParametersAndAddedBiases_GiveTheEarlierFunctionThenTheChangedOne()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (model, x) = Create();
        var before = model.call(x);
        using var snapshot = new ParameterSnapshot(model);
        Change(model);
        var after = model.call(x);
        var parameters = model.parameters().ToList();
        Assert.NotEqual(0, (before - after).abs().max().item<float>());

        var use = snapshot.Use();
        TensorAssert.Identical(before, model.call(x));
        use.Dispose();
        use.Dispose();

        TensorAssert.Identical(after, model.call(x));
        Assert.Equal(parameters, model.parameters(), ReferenceEqualityComparer.Instance);
    }

    [Fact]
    public void Use_ExceptionInside_GivesTheChangedFunctionBack()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (model, x) = Create();
        using var snapshot = new ParameterSnapshot(model);
        Change(model);
        var after = model.call(x);

        Assert.Throws<NotSupportedException>((Action)(() =>
        {
            using var use = snapshot.Use();
            throw new NotSupportedException();
        }));

        TensorAssert.Identical(after, model.call(x));
    }

    [Fact]
    public void Restore_ChangedParametersAndAddedBiases_BringsBackFunctionNamesAndParameters()
    {
        using var scope = NewDisposeScope();
        var (model, x) = Create();
        Tensor before;
        using (no_grad())
        {
            before = model.call(x);
        }

        var names = model.named_parameters().Select(static entry => entry.name).ToList();
        var parameters = model.parameters().ToList();
        using var snapshot = new ParameterSnapshot(model);
        Change(model);

        snapshot.Restore();

        using var noGrad = no_grad();
        TensorAssert.Identical(before, model.call(x));
        Assert.Equal(names, model.named_parameters().Select(static entry => entry.name));
        Assert.Equal(parameters, model.parameters(), ReferenceEqualityComparer.Instance);
        Assert.All(model.parameters(), static parameter => Assert.True(parameter.requires_grad));
    }

    [Fact]
    public void Use_SharedParameter_ComesBack()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (first, second) = (Linear(4, 4), Linear(4, 4));
        second.weight = first.weight;
        var model = Sequential(first, second);
        using var snapshot = new ParameterSnapshot(model);
        first.weight.fill_(3);

        using (snapshot.Use())
        {
            Assert.NotEqual(3, first.weight[0, 0].item<float>());
        }

        Assert.Equal(3, first.weight[0, 0].item<float>());
    }

    [Fact]
    public void Restore_RootLayer_LosesItsAddedBias()
    {
        using var scope = NewDisposeScope();
        var linear = Linear(4, 4, hasBias: false);
        using var snapshot = new ParameterSnapshot(linear);
        linear.bias = new Parameter(ones(4));

        snapshot.Restore();

        Assert.Null(linear.bias);
    }

    [Fact]
    public void Values_InsideAndAfterAScope_AreCopies()
    {
        var model = Linear(4, 4);
        ParameterSnapshot snapshot;
        using (NewDisposeScope())
        {
            snapshot = new ParameterSnapshot(model);
        }

        Assert.Equal(["weight", "bias"], snapshot.Values.Keys.OrderDescending(StringComparer.Ordinal));
        TensorAssert.Identical(model.weight.detach(), snapshot.Values["weight"]);
        Assert.False(snapshot.Values["weight"].requires_grad);
        snapshot.Dispose();
        model.Dispose();
    }

    [Fact]
    public void UseAndDispose_WithoutAScope_LeaveNothing()
    {
        using var model = Sequential(Linear(4, 4), LayerNorm(4));

        LiveTensors.AssertNoneLeftBy(() =>
        {
            using var snapshot = new ParameterSnapshot(model);
            snapshot.Use().Dispose();
            snapshot.Restore();
        });
    }

    [Fact]
    public void Use_ParameterThatGotAnotherShape_NamesItAndLeavesAllAsTheyWere()
    {
        using var scope = NewDisposeScope();
        var (model, _) = Create();
        using var owned = model;
        using var snapshot = new ParameterSnapshot(model);
        Change(model);
        ((Linear)model.named_modules().Single(static entry => entry.name == "head").module).weight = new Parameter(ones(2, 6));
        var before = model.named_parameters().ToDictionary(static entry => entry.name, static entry => entry.parameter.detach().clone());

        var error = Assert.Throws<QuantizationException>(() => snapshot.Use());

        Assert.StartsWith("Parameter 'head.weight' is [2, 6], and was [3, 6] when the model was copied", error.Message, StringComparison.Ordinal);
        Assert.All(model.named_parameters(), entry => TensorAssert.Identical(before[entry.name], entry.parameter));
    }

    private static (Sequential Model, Tensor Sample) Create()
    {
        var model = Sequential(("norm", LayerNorm(4, bias: false)), ("inner", Sequential(("fc", Linear(4, 6, hasBias: false)))), ("head", Linear(6, 3)));
        return (model, Seeded.Normal(1, 5, 4));
    }

    private static void Change(Sequential model)
    {
        using var noGrad = no_grad();
        foreach (var parameter in model.parameters())
        {
            parameter.mul_(1.5).add_(0.25);
        }

        var modules = model.named_modules().ToDictionary(static entry => entry.name, static entry => entry.module);
        SiteWeights.SetBias(modules["norm"], new Parameter(ones(4)));
        SiteWeights.SetBias(modules["inner.fc"], new Parameter(ones(6)));
    }
}
