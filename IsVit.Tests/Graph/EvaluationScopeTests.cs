using IsVit.Core.Graph;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IsVit.Tests.Graph;

public sealed class EvaluationScopeTests
{
    [Fact]
    public void Dispose_MixedModes_GivesEachModuleItsOwnBack()
    {
        using var shared = Dropout(0.5);
        using var model = Sequential(
            ("a", Sequential(("x", Dropout(0.5)), ("y", Sequential(("z", Linear(2, 2)), ("s", shared))))), ("b", Sequential(("c", Sequential(("s", shared), ("d", Linear(2, 2)))))));
        model.train();
        var modules = model.named_modules().ToList();
        modules.Single(static entry => entry.name == "a").module.eval();
        modules.Single(static entry => entry.name == "a.y").module.train();
        modules.Single(static entry => entry.name == "a.y.z").module.eval();
        modules.Single(static entry => entry.name == "b.c").module.eval();
        var before = Modes(model);
        Assert.Equal(2, before.Values.Distinct().Count());

        using (new EvaluationScope(model))
        {
            Assert.DoesNotContain(true, Modes(model).Values);
        }

        Assert.Equal(before, Modes(model));
    }

    [Fact]
    public void Dispose_AfterAnException_GivesTheModeBackOnce()
    {
        using var model = Sequential(Dropout(0.5));
        model.train();

        Assert.Throws<NotSupportedException>((Action)(() =>
        {
            using var scope = new EvaluationScope(model);
            throw new NotSupportedException();
        }));
        Assert.True(model.training);

        var twice = new EvaluationScope(model);
        twice.Dispose();
        model.eval();
        twice.Dispose();
        Assert.False(model.training);
    }

    private static Dictionary<string, bool> Modes(nn.Module model) =>
        model.named_modules().Prepend(("", model)).ToDictionary(static entry => entry.Item1, static entry => entry.Item2.training);
}
