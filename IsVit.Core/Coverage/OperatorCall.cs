namespace IsVit.Core.Coverage;

/// <summary>One operator that libtorch ran.</summary>
/// <param name="Id">Rises with the time at which operators begin.</param>
/// <param name="Parent">The operator that called it, or the thread.</param>
/// <param name="Thread">The number of the thread.</param>
/// <param name="Name">Such as <c>aten::matmul</c>.</param>
/// <param name="Inputs">Shapes of its arguments; empty for one that is no tensor.</param>
/// <param name="Output">The shape of its first result.</param>
/// <param name="Flags">Its arguments that are true or false, in order.</param>
internal sealed record OperatorCall(long Id, long Parent, long Thread, string Name, IReadOnlyList<long[]> Inputs, long[] Output, IReadOnlyList<bool> Flags);
