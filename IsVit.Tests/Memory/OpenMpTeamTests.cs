using IsVit.Core.Memory;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Memory;

/// <summary>Work on libtorch's own threads.</summary>
public sealed class OpenMpTeamTests
{
    [Fact]
    public void Run_SomeThreads_RunsTheWorkOnEach()
    {
        SkipWithoutOpenMp();
        var (running, most) = (0, 0);
        using var all = new CountdownEvent(3);
        OpenMpTeam.Run(
            () =>
            {
                var now = Interlocked.Increment(ref running);
                Largest.Of(ref most, now);
                all.Signal();
                Assert.True(all.Wait(TimeSpan.FromSeconds(30)), "not all threads came");
                Interlocked.Decrement(ref running);
            },
            3);
        Assert.Equal(3, most);
    }

    [Fact]
    public void Run_WorkThatFails_ThrowsItsException()
    {
        SkipWithoutOpenMp();
        var error = Assert.Throws<InvalidOperationException>(static () => OpenMpTeam.Run(static () => throw new InvalidOperationException("as meant"), 2));
        Assert.Equal("as meant", error.Message);
    }

    private static void SkipWithoutOpenMp()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Libtorch brings GNU's OpenMP runtime on Linux alone.");
        torch.ones(1).Dispose();
        Assert.True(OpenMpTeam.IsAvailable, "libtorch's OpenMP runtime is not found");
    }
}
