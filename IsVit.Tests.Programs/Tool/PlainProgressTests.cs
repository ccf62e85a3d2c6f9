using IsVit.Tool.Progress;

namespace IsVit.Tests.Programs.Tool;

public sealed class PlainProgressTests : IDisposable
{
    private readonly Clock _clock = new();
    private readonly StringWriter _output = new() { NewLine = "\n" };

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Report_WritesStageUnitLossAndRemainingTime()
    {
        var progress = New();
        _clock.Seconds = 30;

        progress.Report(new WorkProgress("stage 1", "blocks.0", 25, 100, 0.5));

        Assert.Equal("run: stage 1, blocks.0, 25.0 %, loss 0.5, 01:30 left\n", _output.ToString());
    }

    [Fact]
    public void Report_ManySteps_WritesStagesAndOneLineAnInterval()
    {
        var progress = New();
        for (var step = 0; step < 100; step++)
        {
            _clock.Seconds = step * 0.25;
            progress.Report(new WorkProgress(step < 50 ? "one" : "two", $"unit {step}", step, 100, null));
        }

        var lines = _output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.InRange(lines.Length, 2, 14);
        Assert.Contains("run: one, unit 0, 0.0 %, --:-- left", lines);
        Assert.Contains(lines, l => l.StartsWith("run: two, unit 50,", StringComparison.Ordinal));
    }

    [Fact]
    public void Report_SameUnit_WaitsTenSeconds()
    {
        var progress = New();
        foreach (var (seconds, done) in new[] { (0, 1), (9, 2), (11, 3), (12, 4), (13, 10) })
        {
            _clock.Seconds = seconds;
            progress.Report(new WorkProgress("one", "unit", done, 10, null));
        }

        Assert.Equal(["10.0", "30.0", "100.0"], _output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(", ")[2].Split(' ')[0]));
    }

    [Fact]
    public void Report_RemainingKnown_IsShown()
    {
        New().Report(new WorkProgress("one", "unit", 0, 10, null, TimeSpan.FromSeconds(3725)));

        Assert.EndsWith("1:02:05 left\n", _output.ToString(), StringComparison.Ordinal);
    }

    private PlainProgress New() => new(_output, "run", _clock);

    private sealed class Clock : TimeProvider
    {
        public double Seconds { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => (long)(Seconds * 1000);
    }
}
