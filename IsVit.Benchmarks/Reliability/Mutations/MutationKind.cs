namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>A kind of file.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Count">How many damaged files of it the whole campaign reads.</param>
/// <param name="Create">Makes whole files and a reader.</param>
internal sealed record MutationKind(string Name, long Count, Func<Target> Create);
