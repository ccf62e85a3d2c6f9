namespace IsVit.Core.Graph;

/// <summary>Where a stream halts at a unit.</summary>
internal enum UnitBoundary
{
    Input,
    Output,
}
