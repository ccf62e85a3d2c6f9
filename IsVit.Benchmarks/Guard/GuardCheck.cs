namespace IsVit.Benchmarks.Guard;

/// <summary>Two ways of doing something, and the ratio of their times that must hold.</summary>
/// <param name="Name">What the committed threshold is found by.</param>
/// <param name="Heap">Where memory comes from meanwhile.</param>
/// <param name="Prepare">Makes what both need.</param>
internal sealed record GuardCheck(string Name, HeapState Heap, Func<GuardPair> Prepare);

/// <summary>The two ways.</summary>
/// <param name="Baseline">What is compared with.</param>
/// <param name="Subject">What is guarded.</param>
/// <param name="Work">Freed when all is measured.</param>
internal sealed record GuardPair(Action Baseline, Action Subject, IDisposable Work);

/// <summary>What malloc does with large blocks.</summary>
internal enum HeapState
{
    /// <summary>It returns them to the system at every free, as in a process that starts.</summary>
    Returned,

    /// <summary>It keeps them, as <see cref="Core.Memory.NativeHeap.KeepLargeBlocks"/> makes it.</summary>
    Kept,
}
