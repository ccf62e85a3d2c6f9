using System.Collections.Immutable;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Tests.Graph;

public sealed class PackedTensorsTests
{
    [Fact]
    public void With_NestOfContainers_IsTheSameNestOfOtherTensors()
    {
        using var scope = NewDisposeScope();
        var tensors = Enumerable.Range(0, 11).Select(static i => full([1], (float)i)).ToArray();
        var value = (
            tensors[0],
            new List<Tensor> { tensors[1], tensors[2] },
            new[] { tensors[3] },
            new Dictionary<string, (Tensor, int)> { ["b"] = (tensors[4], 7), ["a"] = (tensors[5], 8) },
            "text",
            (Tensor?)null,
            tensors[6],
            tensors[7],
            new object?[] { tensors[8], 3L, null, new long[] { 1, 2 } },
            Tuple.Create(tensors[9], tensors[10]));

        var packed = PackedTensors.Of(value);
        var other = Enumerable.Range(0, 11).Select(static i => full([1], 100f + i)).ToArray();
        var found = (((Tensor, List<Tensor>, Tensor[], Dictionary<string, (Tensor, int)>, string, Tensor?, Tensor, Tensor, object?[], Tuple<Tensor, Tensor>))packed.With(other).Value!);

        Assert.Equal(tensors, packed.Tensors, ReferenceEqualityComparer.Instance);
        Assert.Same(other[0], found.Item1);
        Assert.Equal([other[1], other[2]], found.Item2, ReferenceEqualityComparer.Instance);
        Assert.Same(other[3], found.Item3.Single());
        Assert.Equal(["b", "a"], found.Item4.Keys);
        Assert.Same(other[4], found.Item4["b"].Item1);
        Assert.Equal(8, found.Item4["a"].Item2);
        Assert.Equal("text", found.Item5);
        Assert.Null(found.Item6);
        Assert.Same(other[7], found.Item8);
        Assert.Same(other[8], found.Item9[0]);
        Assert.Equal(3L, found.Item9[1]);
        Assert.Equal([1, 2], (long[])found.Item9[3]!);
        Assert.Same(other[10], found.Item10.Item2);
        Assert.Same(tensors[0], value.Item1);
    }

    [Fact]
    public void IsPackedLike_OtherConstantsOrContainers_IsNot()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ones(1), zeros(2));

        Assert.True(Alike((a, 1, new long[] { 4 }), (b, 1, new long[] { 4 })));
        Assert.False(Alike((a, 1), (b, 2)));
        Assert.False(Alike((a, new long[] { 4 }), (b, new long[] { 5 })));
        Assert.False(Alike(new[] { a }, new[] { a, b }));
        Assert.False(Alike(new List<Tensor> { a }, new[] { a }));
        Assert.False(Alike((a, (object?)null), (b, (object?)b)));
        Assert.False(Alike(new Dictionary<string, Tensor> { ["x"] = a }, new Dictionary<string, Tensor> { ["y"] = a }));

        static bool Alike(object one, object other) => PackedTensors.Of(one).IsPackedLike(PackedTensors.Of(other));
    }

    [Fact]
    public void With_ContainerThatCannotBeMade_NamesItsType()
    {
        using var scope = NewDisposeScope();
        var packed = PackedTensors.Of(ImmutableList.Create(ones(1)));

        var e = Assert.Throws<QuantizationException>(() => packed.With([zeros(1)]));

        Assert.Contains("ImmutableList", e.Message, StringComparison.Ordinal);
    }
}
