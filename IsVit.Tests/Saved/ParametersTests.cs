using IsVit.Model.Quantization;

namespace IsVit.Tests.Saved;

public sealed class ParametersTests
{
    [Theory]
    [InlineData("tensor")]
    [InlineData("channel:0")]
    [InlineData("channel:-1")]
    [InlineData("group:32")]
    public void Granularity_Text_ComesBack(string text) => Assert.Equal(text, Granularity.Parse(text).ToString());

    [Theory]
    [InlineData("group:0")]
    [InlineData("group:-1")]
    [InlineData("group:")]
    [InlineData("group:3x")]
    [InlineData("channel:+")]
    [InlineData("row")]
    public void Granularity_OtherText_IsRefused(string text) =>
        Assert.Contains($"'{text}' is no granularity; expected 'tensor', 'channel:AXIS' or 'group:SIZE'", Assert.Throws<FormatException>(() => Granularity.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Dequantize_PerGroup_EachGroupOfARowHasItsOwn()
    {
        var parameters = new AffineParameters(2, Granularity.Group(2), [1, 10, 100, 1000], [0, 0, 1, 1], isSymmetric: false);
        var values = new float[8];

        parameters.Dequantize([0, 1, 2, 3, 0, 1, 2, 3], [2, 4], values);

        Assert.Equal([0, 1, 20, 30, -100, 0, 1000, 2000], values);
    }

    [Fact]
    public void Dequantize_PerChannelInTheMiddle_FollowsItsAxis()
    {
        var parameters = new AffineParameters(2, Granularity.Channel(1), [1, 10], [0, 0], isSymmetric: false);
        var values = new float[8];

        parameters.Dequantize([0, 1, 2, 3, 0, 1, 2, 3], [2, 2, 2], values);

        Assert.Equal([0, 1, 20, 30, 0, 1, 20, 30], values);
    }

    [Fact]
    public void Dequantize_WhatDoesNotFit_SaysWhat()
    {
        var parameters = new AffineParameters(2, Granularity.Channel(0), [1, 10], [0, 0], isSymmetric: false);

        Assert.Contains("has 3 sets of parameters of granularity channel:0; these are 2", Message<QuantizationException>([0, 0, 0], [3]), StringComparison.Ordinal);
        Assert.Contains("A code is 4; expected 0 to 3 for 2 bits", Message<QuantizationException>([0, 4], [2]), StringComparison.Ordinal);
        Assert.Contains("has 2 elements; there are 3 codes", Message<ArgumentException>([0, 0, 0], [2]), StringComparison.Ordinal);
        Assert.Contains("has no groups of 3 elements along its last axis", Assert.Throws<QuantizationException>(() => new AffineParameters(2, Granularity.Group(3), [1], [0], false).Dequantize([0, 0], [1, 2], new float[2])).Message, StringComparison.Ordinal);

        string Message<T>(byte[] codes, long[] shape)
            where T : Exception => Assert.Throws<T>(() => parameters.Dequantize(codes, shape, new float[codes.Length])).Message;
    }

    [Fact]
    public void Levels_SetThatIsNotThere_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => new LevelsParameters(2, [0, 1, 2, 3]).Levels(1));

    [Fact]
    public void Constructors_ValuesThatMakeNoSense_AreRefused()
    {
        Assert.Contains("'scale'[1] of a 'uniform' quantizer is 0; expected a positive finite float32 number", Message(() => new AffineParameters(4, Granularity.Channel(0), [1, 0], [0, 0], false)), StringComparison.Ordinal);
        Assert.Contains("have 'scale' of 2, 'zero_point' of 1 entries; expected equally many", Message(() => new AffineParameters(4, Granularity.Channel(0), [1, 1], [0], false)), StringComparison.Ordinal);
        Assert.Contains("zero point 8 throughout", Message(() => new AffineParameters(4, Granularity.Tensor, [1], [0], true)), StringComparison.Ordinal);
        Assert.Contains("of 2 bits has 3 entries; expected 4", Message(() => new LevelsParameters(2, [0, 1, 2])), StringComparison.Ordinal);
        Assert.Contains("expected a granularity per channel", Message(() => new ScaledLevelsParameters(2, Granularity.Tensor, [0, 1, 2, 3], [1], [0])), StringComparison.Ordinal);
        Assert.Contains("'log2_max'[0] of a 'sulq' quantizer is -2; expected a finite number of at least 'log2_min', -1", Message(() => new ShiftUniformLog2Parameters(2, 0, -1, -2, SulqLevels.Free)), StringComparison.Ordinal);
        Assert.Contains("'first_scale'[0] of a 'twin-uniform' quantizer is NaN", Message(() => new TwinUniformParameters(2, double.NaN, 1, TwinRanges.Sign)), StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LogarithmicParameters(2, 3, 1));

        static string Message(Func<object> make) => Assert.Throws<QuantizationException>(make).Message;
    }
}
