namespace IsVit.Core.Graph;

/// <summary>
/// What one of a model's outputs holds, and how much it counts. The change of an output is averaged over its predictions: the positions beside the axis of classes, or all elements. That of a model is the sum over its outputs.
/// </summary>
/// <param name="kind">What the numbers are.</param>
public sealed class OutputDeclaration(OutputKind kind)
{
    private readonly int _classAxis = 1;
    private readonly double _weight = 1;

    /// <summary>What the numbers are.</summary>
    public OutputKind Kind { get; } = kind;

    /// <summary>The axis along which classes lie, for <see cref="OutputKind.Classes"/>: 1 or higher, as samples lie along axis 0, or counted from the end, from -1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is 0.</exception>
    public int ClassAxis
    {
        get => _classAxis;
        init => _classAxis = value != 0 ? value : throw new ArgumentOutOfRangeException(nameof(ClassAxis), value, "Classes do not lie along axis 0, along which samples lie.");
    }

    /// <summary>What the mean change of the output is multiplied with: 0, which leaves it out, or more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, infinite or NaN.</exception>
    public double Weight
    {
        get => _weight;
        init => _weight = value >= 0 && double.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(Weight), value, "The weight of an output is a finite number of at least 0.");
    }
}
