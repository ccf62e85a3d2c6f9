namespace IsVit.Runtime;

/// <summary>How a model is run.</summary>
public sealed record RuntimeOptions
{
    /// <summary>The most threads that one call of <see cref="RuntimeModel.Predict(ReadOnlySpan{float})"/> uses, the calling one included: 1 to 31. The others come from .NET's thread pool. Default: the number of processors.</summary>
    public int MaxDegreeOfParallelism { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, Execution.Team.MostWorkers);

    internal Products.Tiles Tiles { get; init; } = Products.Tiles.Best;

    internal void Validate()
    {
        if (MaxDegreeOfParallelism is < 1 or > Execution.Team.MostWorkers)
        {
            throw new ArgumentOutOfRangeException(
                nameof(MaxDegreeOfParallelism),
                MaxDegreeOfParallelism,
                FormattableString.Invariant($"{nameof(MaxDegreeOfParallelism)} is {MaxDegreeOfParallelism}; allowed is: 1 to {Execution.Team.MostWorkers}."));
        }
    }
}
