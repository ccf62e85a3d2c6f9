namespace IsVit.Core.Graph;

/// <summary>Where a stream halts at a unit.</summary>
internal enum UnitBoundary
{
    Input = 0,
    Output = 1,
}
