using System.Globalization;

namespace IsVit.Cluster.Jobs;

/// <summary>One of several equal shares of a run's units: those whose number leaves a remainder.</summary>
/// <param name="Index">Which share, from 0.</param>
/// <param name="Count">Of how many, 1 or more.</param>
[GenerateSerializer]
[Immutable]
[Alias("isvit.UnitShare")]
public sealed record UnitShare(int Index, int Count)
{
    /// <summary>The share as an option has it: <c>1/4</c> for the first of four.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index + 1}/{Count}");
}
