namespace IsVit.Optimization.MixedPrecision;

/// <summary>Bits for some groups, what they cost and what they lose.</summary>
/// <param name="Cost">The cost, in units of the budget.</param>
/// <param name="Loss">The divergence.</param>
/// <param name="Bits">The groups' bits.</param>
internal sealed record Choice(long Cost, double Loss, IReadOnlyList<(SiteGroup Group, int Bits)> Bits)
{
    /// <summary>The choices that no other beats in cost and loss, from cheap to dear.</summary>
    public static List<Choice> Best(IEnumerable<Choice> choices)
    {
        var best = new List<Choice>();
        foreach (var choice in choices.OrderBy(static choice => choice.Cost).ThenBy(static choice => choice.Loss))
        {
            if (best.Count == 0 || choice.Loss < best[^1].Loss)
            {
                best.Add(choice);
            }
        }

        return best;
    }

    /// <summary>Both choices together.</summary>
    public Choice With(Choice other) => new(checked(Cost + other.Cost), Loss + other.Loss, [.. Bits, .. other.Bits]);
}
