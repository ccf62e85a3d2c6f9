namespace IsVit.Runtime;

/// <summary>How a model is run.</summary>
public sealed record RuntimeOptions
{
    /// <summary>The largest <see cref="MaxDegreeOfParallelism"/>.</summary>
    public const int MostThreads = Execution.Team.MostWorkers;

    /// <summary>The most threads that one call of <see cref="RuntimeModel.Predict(ReadOnlySpan{float})"/> uses, the calling one included: 1 to <see cref="MostThreads"/>. The others come from .NET's thread pool. Default: the number of processors.</summary>
    public int MaxDegreeOfParallelism { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, MostThreads);

    /// <summary>
    /// Whether activation levels that are no steps of a uniform scale are always multiplied in float32, as the quantized model does it. Else they are multiplied as 16-bit multiples of a step, which is faster, where
    /// that misses levels by no more than a ten-thousandth of their size. Default: false.
    /// </summary>
    public bool ExactLevels { get; init; }

    internal Products.Tiles Tiles { get; init; } = Products.Tiles.Best;

    internal void Validate()
    {
        if (MaxDegreeOfParallelism is < 1 or > MostThreads)
        {
            throw new ArgumentOutOfRangeException(
                nameof(MaxDegreeOfParallelism),
                MaxDegreeOfParallelism,
                FormattableString.Invariant($"{nameof(MaxDegreeOfParallelism)} is {MaxDegreeOfParallelism}; allowed is: 1 to {MostThreads}."));
        }
    }
}
