namespace IsVit.Optimization.MixedPrecision;

/// <summary>Bits for some groups, what they cost and what they lose.</summary>
/// <param name="Cost">The cost, in units of the budget.</param>
/// <param name="Loss">The divergence.</param>
/// <param name="Bits">The groups' bits.</param>
internal sealed record Choice(long Cost, double Loss, IReadOnlyList<(SiteGroup Group, int Bits)> Bits)
{
    /// <summary>The choices that no other beats in cost and loss, from cheap to dear.</summary>
    public static List<Choice> Best(IEnumerable<Choice> choices) => ParetoFront.Of(choices, static choice => choice.Cost, static choice => choice.Loss);

    /// <summary>Both choices together.</summary>
    public Choice With(Choice other) => new(checked(Cost + other.Cost), Loss + other.Loss, [.. Bits, .. other.Bits]);
}
