using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

public sealed class TypedModuleTests
{
    /// <summary>Hooks see, and can change, what goes in and comes out, whatever the number of arguments.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Call_HooksOfAnyArity_ChangeArgumentsAndResult(int arity)
    {
        using var scope = NewDisposeScope();
        nn.Module[] modules = [new M1(), new M2(), new M3(), new M4(), new M5(), new M6()];
        var typed = TypedModule.TryOf(modules[arity - 1])!;
        object?[] arguments = [.. Enumerable.Range(1, arity).Select(static i => full([1], (float)i))];
        object?[]? seen = null;

        var before = typed.HookBefore(given =>
        {
            seen = given;
            return [.. given.Select(static x => (object)((Tensor)x! + 10))];
        });
        var after = typed.HookAfter((given, result) => (((Tensor, int))result!).Item1.item<float>() == Sum(given) ? (((Tensor, int))result).Item1 * 2 is var twice ? (object)(twice, arity) : null : throw new InvalidOperationException());
        var changed = ((Tensor, int))typed.Call(arguments)!;
        before();
        after();
        var plain = ((Tensor, int))typed.Call(arguments)!;

        Assert.Equal(arguments, seen);
        Assert.Equal(arity, typed.Parameters.Count);
        Assert.Equal((2 * (Sum(arguments) + (10 * arity)), arity), (changed.Item1.item<float>(), changed.Item2));
        Assert.Equal((Sum(arguments), 0), (plain.Item1.item<float>(), plain.Item2));
    }

    [Fact]
    public void TryOf_Container_IsNull()
    {
        using var list = new TorchSharp.Modules.ModuleList<nn.Module<Tensor, Tensor>>();

        Assert.Null(TypedModule.TryOf(list));
    }

    private static float Sum(params IEnumerable<object?> tensors) => tensors.Sum(static x => ((Tensor)x!).item<float>());

    private static (Tensor, int) Result(params Tensor[] tensors) => (tensors.Aggregate(static (sum, x) => sum + x), 0);

    private sealed class M1() : nn.Module<Tensor, (Tensor, int)>("m")
    {
        public override (Tensor, int) forward(Tensor input) => Result(input);
    }

    private sealed class M2() : nn.Module<Tensor, Tensor, (Tensor, int)>("m")
    {
        public override (Tensor, int) forward(Tensor input1, Tensor input2) => Result(input1, input2);
    }

    private sealed class M3() : nn.Module<Tensor, Tensor, Tensor, (Tensor, int)>("m")
    {
        public override (Tensor, int) forward(Tensor input1, Tensor input2, Tensor input3) => Result(input1, input2, input3);
    }

    private sealed class M4() : nn.Module<Tensor, Tensor, Tensor, Tensor, (Tensor, int)>("m")
    {
        public override (Tensor, int) forward(Tensor input1, Tensor input2, Tensor input3, Tensor input4) => Result(input1, input2, input3, input4);
    }

    private sealed class M5() : nn.Module<Tensor, Tensor, Tensor, Tensor, Tensor, (Tensor, int)>("m")
    {
        public override (Tensor, int) forward(Tensor input1, Tensor input2, Tensor input3, Tensor input4, Tensor input5) => Result(input1, input2, input3, input4, input5);
    }

    private sealed class M6() : nn.Module<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, (Tensor, int)>("m")
    {
        public override (Tensor, int) forward(Tensor input1, Tensor input2, Tensor input3, Tensor input4, Tensor input5, Tensor input6) => Result(input1, input2, input3, input4, input5, input6);
    }
}
