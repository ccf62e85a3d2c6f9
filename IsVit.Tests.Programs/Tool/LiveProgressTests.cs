using IsVit.Tool.Progress;

namespace IsVit.Tests.Programs.Tool;

public sealed class LiveProgressTests
{
    [Theory]
    [InlineData(120, "isvit W3A3 weight-reconstruction blocks.11 loss 0.125 03:20 left")]
    [InlineData(60, "isvit W3A3 weight-reconstruction blocks.11 03:20 left")]
    [InlineData(52, "weight-reconstruction blocks.11 03:20 left")]
    [InlineData(30, "blocks.11 03:20 left")]
    [InlineData(17, "blo…11 03:20 left")]
    public void Line_Room_DropsWhatTellsLeast(int room, string expected) => Assert.Equal(expected, LiveProgress.Line(room, "isvit W3A3", "weight-reconstruction", "blocks.11", "loss 0.125", "03:20 left"));
}
