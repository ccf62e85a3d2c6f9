namespace IsVit.Quantizers.Calibration;

/// <summary>What the squared error of numbers that become one level is computed from.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Sum">Their sum.</param>
/// <param name="Squares">The sum of their squares.</param>
internal readonly record struct Moments(long Count, double Sum, double Squares)
{
    public static Moments operator +(Moments left, Moments right) => new(left.Count + right.Count, left.Sum + right.Sum, left.Squares + right.Squares);
}
