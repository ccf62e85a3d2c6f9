namespace IsVit.Runtime.Execution;

/// <summary>Work in phases, each of independent items; a phase begins when all items of the one before are done.</summary>
internal interface IPhases
{
    /// <summary>The number of phases.</summary>
    int PhaseCount { get; }

    /// <summary>The number of items of a phase, at least 1.</summary>
    int ItemCount(int phase);

    /// <summary>Does an item.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="item">The item.</param>
    /// <param name="worker">Which of the workers does it; none does two items at a time.</param>
    void Do(int phase, int item, int worker);
}
