using TorchSharp;

namespace IsVit.Tests.TestSupport;

/// <summary>Counts the tensors that an action leaves behind, neither disposed nor handed to a scope that disposes them.</summary>
internal static class LiveTensors
{
    /// <summary>
    /// Tensors created minus tensors disposed while <paramref name="action"/> ran. TorchSharp counts by thread, so the action has to do its work on the
    /// thread that calls it.
    /// </summary>
    public static long LeftBy(Action action)
    {
        int thread = Environment.CurrentManagedThreadId;
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        action();
        long after = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.Equal(thread, Environment.CurrentManagedThreadId);
        return after - before;
    }

    /// <summary>Runs <paramref name="action"/> twice, once to fill what is kept between calls, and asserts that the second run leaves nothing behind.</summary>
    public static void AssertNoneLeftBy(Action action)
    {
        action();
        long left = LeftBy(action);
        Assert.True(left == 0, $"{left} tensors more alive after the action than before it.");
    }
}
