using IsVit.Optimization.Reconstruction;

namespace IsVit.Tests.Optimization.Reconstruction;

public sealed class SharedSwitchTests
{
    /// <summary>The first to come is not the last to leave: the switch stays on for the other, and is then as it was.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Leave_RunsThatOverlap_TheLastRestores(bool before)
    {
        var isOn = before;
        var shared = new SharedSwitch(() => isOn, on => isOn = on);

        shared.Enter();
        shared.Enter();
        Assert.True(isOn);
        shared.Leave();
        Assert.True(isOn);
        shared.Leave();
        Assert.Equal(before, isOn);

        shared.Enter();
        Assert.True(isOn);
        shared.Leave();
        Assert.Equal(before, isOn);
    }

    [Fact]
    public void EnterAndLeave_ManyThreads_AreOnThroughoutAndOffAtTheEnd()
    {
        var isOn = false;
        var shared = new SharedSwitch(() => Volatile.Read(ref isOn), on => Volatile.Write(ref isOn, on));
        var wasOff = 0;

        Parallel.For(0, 20_000, _ =>
        {
            shared.Enter();
            if (!Volatile.Read(ref isOn))
            {
                Interlocked.Increment(ref wasOff);
            }

            shared.Leave();
        });

        Assert.Equal((0, false), (wasOff, isOn));
    }
}
