using IsVit.Core.Graph;

namespace IsVit.Tests.Graph;

public sealed class PathPatternTests
{
    [Theory]
    [InlineData("head", "head", true)]
    [InlineData("head", "head_dist", false)]
    [InlineData("head", "x.head", false)]
    [InlineData("blocks.*.mlp.fc1", "blocks.11.mlp.fc1", true)]
    [InlineData("blocks.*.mlp.fc1", "blocks.1.2.mlp.fc1", false)]
    [InlineData("blocks.*", "blocks.0.attn", false)]
    [InlineData("fc*", "fc", true)]
    [InlineData("fc*", "fc12", true)]
    [InlineData("fc*", "fc.x", false)]
    [InlineData("*", "head", true)]
    [InlineData("*", "blocks.0", false)]
    [InlineData("*", "", false)]
    [InlineData("blocks.0.**", "blocks.0.attn.qkv", true)]
    [InlineData("blocks.0.**", "blocks.0.attn", true)]
    [InlineData("blocks.0.**", "blocks.01.attn", false)]
    [InlineData("**.fc1", "blocks.0.mlp.fc1", true)]
    [InlineData("**.fc1", "fc1", true)]
    [InlineData("**.fc1", "xfc1", false)]
    [InlineData("a.**.b", "a.b", true)]
    [InlineData("a.**.b", "a.x.y.b", true)]
    [InlineData("a.**.b", "a.xb", false)]
    [InlineData("**", "a.b.c", true)]
    [InlineData("**", "", true)]
    [InlineData("a.b", "axb", false)]
    [InlineData("a+(b)[c]", "a+(b)[c]", true)]
    [InlineData("head", "head\n", false)]
    public void IsMatch_Path_AsDocumented(string pattern, string path, bool expected) => Assert.Equal(expected, new PathPattern(pattern).IsMatch(path));

    /// <summary>By trying every division among the wildcards this takes years; a limit of time in its place would be an error on a machine that is busy.</summary>
    [Fact]
    public void IsMatch_PatternOfManyWildcards_Ends()
    {
        var pattern = new PathPattern(string.Concat(Enumerable.Repeat("**.a*a*.", 12)) + "b");
        var path = string.Join('.', Enumerable.Repeat("aaaaaaaa", 60));

        Assert.False(pattern.IsMatch(path + ".c"));
        Assert.True(pattern.IsMatch(path + ".b"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void Constructor_EmptyText_Throws(string pattern) => Assert.Throws<ArgumentException>(() => new PathPattern(pattern));

    [Theory]
    [InlineData("blocks.*.attn.qkv", "blocks.3.attn.qkv", "blocks.*.norm1", "blocks.3.norm1")]
    [InlineData("layers.*.blocks.*.attn.qkv", "layers.1.blocks.2.attn.qkv", "layers.*.blocks.*.norm1", "layers.1.blocks.2.norm1")]
    [InlineData("**.attn.qkv", "blocks.3.attn.qkv", "**.norm1", "blocks.3.norm1")]
    [InlineData("**.attn.qkv", "attn.qkv", "**.norm1", "norm1")]
    [InlineData("a.**.fc", "a.fc", "a.**.norm", "a.norm")]
    [InlineData("blocks.*.fc", "blocks.3.fc", "norm", "norm")]
    [InlineData("head", "head", "norm", "norm")]
    public void Substitute_Wildcards_AreCarriedOver(string pattern, string path, string template, string expected) =>
        Assert.Equal(expected, new PathPattern(pattern).Substitute(path, template));

    [Fact]
    public void Substitute_TooManyWildcards_NamesBoth()
    {
        var error = Assert.Throws<ArgumentException>(() => new PathPattern("blocks.*.fc").Substitute("blocks.3.fc", "blocks.*.*"));

        Assert.Contains("'blocks.*.*' has more wildcards than 'blocks.*.fc'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Substitute_OtherPath_Throws()
    {
        var error = Assert.Throws<ArgumentException>(() => new PathPattern("blocks.*.fc").Substitute("head", "norm"));

        Assert.Contains("'head' does not fit 'blocks.*.fc'", error.Message, StringComparison.Ordinal);
    }
}
