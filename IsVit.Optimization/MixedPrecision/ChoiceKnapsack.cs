namespace IsVit.Optimization.MixedPrecision;

/// <summary>
/// The multiple-choice knapsack problem: of each item one choice, with the smallest sum of losses whose sum of costs is within a budget. Solved exactly, by dynamic programming over the partial sums that no other beats
/// and that a Lagrangian bound leaves a chance (the scheme of Pisinger, "A minimal algorithm for the multiple-choice knapsack problem", 1995).
/// </summary>
internal static class ChoiceKnapsack
{
    // Sums differ by rounding with the order of summation.
    private const double Rounding = 1e-12;

    /// <summary>Solves it.</summary>
    /// <param name="items">Each item's choices, as <see cref="Choice.Best"/> gives them.</param>
    /// <param name="budget">The most that all may cost together.</param>
    /// <returns>A choice for each item; null if the cheapest ones cost more than the budget.</returns>
    public static IReadOnlyList<Choice>? Solve(IReadOnlyList<IReadOnlyList<Choice>> items, long budget)
    {
        if (items.Sum(static choices => choices[0].Cost) > budget)
        {
            return null;
        }

        var (greedy, price) = Greedy(items, budget);
        var limit = greedy.Sum(static choice => choice.Loss) * (1 + Rounding);

        // What the items from one on cost at least, and lose at least where a unit of the budget has its price.
        var cheapest = new long[items.Count + 1];
        var bound = new double[items.Count + 1];
        bound[^1] = -price * budget;
        for (var i = items.Count - 1; i >= 0; i--)
        {
            cheapest[i] = cheapest[i + 1] + items[i][0].Cost;
            bound[i] = bound[i + 1] + items[i].Min(choice => choice.Loss + (price * choice.Cost));
        }

        List<Sum> sums = [new(0, 0, null, null)];
        for (var i = 0; i < items.Count; i++)
        {
            var next = from sum in sums
                       from choice in items[i]
                       let cost = sum.Cost + choice.Cost
                       let loss = sum.Loss + choice.Loss
                       where cost + cheapest[i + 1] <= budget && loss + (price * cost) + bound[i + 1] <= limit + Slack(price, budget)
                       select new Sum(cost, loss, sum, choice);
            sums = ParetoFront.Of(next, static sum => sum.Cost, static sum => sum.Loss);
        }

        return sums.Count == 0 ? greedy : sums[^1].Choices();
    }

    private static double Slack(double price, long budget) => Rounding * price * budget;

    /// <summary>Takes the steps from cheap to dear choices that gain most for their cost, as long as they fit; the first that does not sets the price of a unit of the budget.</summary>
    private static (IReadOnlyList<Choice> Choices, double Price) Greedy(IReadOnlyList<IReadOnlyList<Choice>> items, long budget)
    {
        var chosen = items.Select(static choices => choices[0]).ToArray();
        var cost = chosen.Sum(static choice => choice.Cost);
        double? price = null;
        var steps = items.SelectMany(static (choices, item) => Hull(choices).Select(step => (Item: item, step.From, step.To, Gain: (step.From.Loss - step.To.Loss) / (step.To.Cost - step.From.Cost))));
        foreach (var (item, from, to, gain) in steps.OrderByDescending(static step => step.Gain))
        {
            if (ReferenceEquals(chosen[item], from) && cost + to.Cost - from.Cost <= budget)
            {
                chosen[item] = to;
                cost += to.Cost - from.Cost;
            }
            else
            {
                price ??= gain;
            }
        }

        return (chosen, price ?? 0);
    }

    // The steps along the lower convex hull: each gains less for its cost than the one before.
    private static List<(Choice From, Choice To)> Hull(IReadOnlyList<Choice> choices)
    {
        var hull = new List<Choice>();
        foreach (var choice in choices)
        {
            while (hull.Count >= 2 && Slope(hull[^2], choice) <= Slope(hull[^2], hull[^1]))
            {
                hull.RemoveAt(hull.Count - 1);
            }

            hull.Add(choice);
        }

        return [.. hull.Zip(hull.Skip(1))];

        static double Slope(Choice from, Choice to) => (to.Loss - from.Loss) / (to.Cost - from.Cost);
    }

    private sealed record Sum(long Cost, double Loss, Sum? Before, Choice? Last)
    {
        public List<Choice> Choices()
        {
            var choices = new List<Choice>();
            for (var sum = this; sum.Last is not null; sum = sum.Before!)
            {
                choices.Add(sum.Last);
            }

            choices.Reverse();
            return choices;
        }
    }
}
