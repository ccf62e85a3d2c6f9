using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Tests.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

public sealed class TiedWeightsTests
{
    public enum Tie
    {
        Parameter,
        Memory,
        Part,
        Table,
    }

    [Theory]
    [InlineData(Tie.Parameter, "first", "second.weight")]
    [InlineData(Tie.Memory, "first", "second.weight")]
    [InlineData(Tie.Part, "first", "second.weight")]
    [InlineData(Tie.Table, "first", "table.weight")]
    public void Quantize_WeightThatIsAnotherParameterToo_NamesBothAndLeavesTheModel(Tie tie, string path, string other)
    {
        using var scope = NewDisposeScope();
        using var model = new Tied(tie);
        var images = Seeded.Normal(1, 24, 8);
        var (before, output) = (Micro.Copy(model), Micro.Call(model, images));

        var error = Assert.Throws<QuantizationException>(() => Micro.Quantizer().Run(model, images));

        Assert.StartsWith($"The weight of '{path}' is the same memory as the parameter '{other}' (tied weights)", error.Message, StringComparison.Ordinal);
        Micro.AssertUntouched(model, before, images, output);
    }

    [Fact]
    public void Quantize_TiedWeightsInFloat_QuantizesTheRest()
    {
        using var scope = NewDisposeScope();
        using var model = new Tied(Tie.Parameter);

        using var quantized = Micro.Quantizer(static options => options.Overrides =
        [
            new() { Pattern = "first", Operand = SiteOperand.Weight, Quantize = false },
            new() { Pattern = "second", Operand = SiteOperand.Weight, Quantize = false },
        ]).Run(model, Seeded.Normal(1, 24, 8));

        Assert.Equal(["third:weight"], quantized.Attachment.Bindings.Where(static binding => binding.IsWeight).Select(static binding => binding.Site.Id));
    }

    /// <summary>Neighbours in one block of memory, as some loaders lay them out, are not tied.</summary>
    [Fact]
    public void Quantize_NeighboursInMemory_Quantizes()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("first", nn.Linear(8, 8)), ("second", nn.Linear(8, 8)));
        var block = Seeded.Normal(2, 2, 8, 8).mul(0.4);
        ((Linear)model[0]).weight = new Parameter(block[0].DetachFromDisposeScope());
        ((Linear)model[1]).weight = new Parameter(block[1].DetachFromDisposeScope());

        using var quantized = Micro.Quantizer().Run(model, Seeded.Normal(1, 24, 8));

        Assert.Equal(2, quantized.Attachment.Bindings.Count(static binding => binding.IsWeight));
    }

    private sealed class Tied : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _first = nn.Linear(8, 8);
        private readonly Linear _second;
        private readonly Linear _third = nn.Linear(8, 4);
        private readonly Embedding _table = nn.Embedding(8, 8);

        public Tied(Tie tie)
            : base(nameof(Tied))
        {
            Micro.Enliven(_first, 1);
            Micro.Enliven(_third, 2);
            _second = nn.Linear(8, tie == Tie.Part ? 5 : 8);
            using var noGrad = no_grad();
            switch (tie)
            {
                case Tie.Parameter:
                    _second.weight = _first.weight;
                    break;
                case Tie.Memory:
                    _second.weight = new Parameter(_first.weight!.detach().t().DetachFromDisposeScope());
                    break;
                case Tie.Part:
                    _second.weight = new Parameter(_first.weight!.detach().narrow(0, 2, 5).DetachFromDisposeScope());
                    break;
                default:
                    _table.weight = _first.weight;
                    break;
            }

            register_module("first", _first);
            register_module("second", _second);
            register_module("third", _third);
            register_module("table", _table);
            eval();
        }

        public override Tensor forward(Tensor input)
        {
            var hidden = _second.call(_first.call(input).tanh());
            return _third.call(nn.functional.pad(hidden, [0, 8 - hidden.shape[1]]).tanh());
        }
    }
}
