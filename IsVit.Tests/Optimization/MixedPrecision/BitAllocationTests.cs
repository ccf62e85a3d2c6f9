using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;

namespace IsVit.Tests.Optimization.MixedPrecision;

public sealed class BitAllocationTests
{
    private static readonly int[] Widths = [2, 3, 4, 8];

    [Theory]
    [InlineData("2bits")]
    [InlineData("2.7bits")]
    [InlineData("4bits")]
    [InlineData("5.05bits")]
    [InlineData("8bits")]
    [InlineData("230B")]
    [InlineData("300B")]
    [InlineData("1MB")]
    [InlineData("45%bitops")]
    [InlineData("80%bitops")]
    [InlineData("100%bitops")]
    [InlineData("260%bitops")]
    public void Choose_HandMadeReport_IsTheBestOfAllChoices(string text)
    {
        var budget = BitBudget.Parse(text);
        for (var seed = 0; seed < 8; seed++)
        {
            var report = Reports.Network(seed, Widths);

            var found = BitAllocation.Choose(report, budget);

            Assert.True(IsWithin(report, budget, id => found.Sites.Single(site => site.Site.Site.Id == id).Bits), $"seed {seed}");
            Assert.Equal(BruteForce(report, budget), found.Divergence, found.Divergence * 1e-12);
        }
    }

    /// <summary>Items enough that trying all would take longer than the world has lasted; costs are small whole numbers, so that a table of all costs gives the best.</summary>
    [Fact]
    public void Choose_ManySites_IsTheBestOfATableOfCosts()
    {
        for (var seed = 0; seed < 5; seed++)
        {
            var random = new Random(seed);
            var report = Reports.Of(Widths, [.. Enumerable.Range(0, 80).Select(i => Reports.Random($"layer{i}:weight", 1 + random.Next(9), 0, Widths, random))]);
            var limit = (int)Math.Floor(3.4 * report.Sites.Sum(static site => site.Elements));
            var best = Enumerable.Repeat(double.PositiveInfinity, limit + 1).ToArray();
            best[0] = 0;
            foreach (var site in report.Sites)
            {
                var next = Enumerable.Repeat(double.PositiveInfinity, limit + 1).ToArray();
                foreach (var width in site.Widths)
                {
                    for (var cost = (int)site.Elements * width.Bits; cost <= limit; cost++)
                    {
                        next[cost] = Math.Min(next[cost], best[cost - ((int)site.Elements * width.Bits)] + width.Divergence);
                    }
                }

                best = next;
            }

            var found = BitAllocation.Choose(report, BitBudget.MeanBits(3.4));

            Assert.Equal(best.Min(), found.Divergence, best.Min() * 1e-12);
            Assert.InRange(found.MeanWeightBits!.Value, 3.3, 3.4);
        }
    }

    [Fact]
    public void Choose_HandMadeReport_GivesTheBitsThatAPersonWould()
    {
        var report = Reports.Of(
            [4, 8],
            Reports.Site("calm:weight", 100, 0, (4, 0.1), (8, 0.01)),
            Reports.Site("touchy:weight", 100, 0, (4, 3), (8, 0.02)),
            Reports.Site("calm:input", 10, 0, (4, 0.2), (8, 0.1)),
            Reports.Site("touchy:input", 30, 0, (4, 0.7), (8, 0.1)));

        var found = BitAllocation.Choose(report, BitBudget.MeanBits(6));

        // 8 bits for the 30 numbers would be a mean of 7; the 10 numbers' gain is what fits.
        Assert.Equal([("calm:weight", 4), ("touchy:weight", 8), ("calm:input", 8), ("touchy:input", 4)], found.Sites.Select(static site => (site.Site.Site.Id, site.Bits)));
        Assert.Equal((6, 5, 0.1 + 0.02 + 0.1 + 0.7), (found.MeanWeightBits, found.MeanActivationBits, found.Divergence));
        Assert.Equal(100 + 50 + 100, found.WeightBytes);
        Assert.Null(found.BitOperations);
        Assert.Equal(
            [("calm", SiteOperand.Weight, 4), ("touchy", SiteOperand.Weight, 8), ("calm", SiteOperand.Input, 8), ("touchy", SiteOperand.Input, 4)],
            found.Overrides.Select(static change => (change.Pattern, change.Operand!.Value, change.Bits!.Value)));
    }

    [Fact]
    public void Choose_Constraints_Hold()
    {
        var report = Reports.Network(3, Widths);

        Assert.All(Bits(new() { AllowedBits = [8, 4] }), static bits => Assert.Contains(bits, new[] { 4, 8 }));
        Assert.All(Bits(new() { Minimum = 3 }), static bits => Assert.InRange(bits, 3, 8));
        Assert.All(Bits(new() { Maximum = 4 }), static bits => Assert.InRange(bits, 2, 4));
        Assert.Equal([4, 8], Bits(new() { AllowedBits = [2, 4, 8], Minimum = 3 }).Distinct().Order());

        IEnumerable<int> Bits(BitAllocationOptions options) => BitAllocation.Choose(report, BitBudget.MeanBits(5.5), options).Sites.Select(static site => site.Bits);
    }

    [Fact]
    public void Choose_SharedSites_GetTheSameBits()
    {
        foreach (var text in new[] { "3bits", "4.5bits", "60%bitops", "150%bitops" })
        {
            var found = BitAllocation.Choose(Reports.Network(5, Widths), BitBudget.Parse(text));

            Assert.Single(found.Sites.Where(static site => site.Site.Group == "norm").Select(static site => site.Bits).Distinct());
        }
    }

    [Theory]
    [InlineData("3.5bits")]
    [InlineData("280B")]
    [InlineData("70%bitops")]
    public void Choose_PinnedSites_StayAsTheyAre(string budget)
    {
        var free = Reports.Network(2, Widths);
        var report = free with
        {
            Sites =
            [
                .. free.Sites.Select(static site => site.Site.Id is "k:input" or "q:weight"
                    ? site with { IsPinned = true, Widths = [site.At(4)] }
                    : site),
            ],
        };

        var found = BitAllocation.Choose(report, BitBudget.Parse(budget));

        // The shared quantizer of k has q's input as well.
        Assert.All(found.Sites.Where(static site => site.Site.IsPinned || site.Site.Group == "norm"), static site => Assert.Equal(4, site.Bits));
        Assert.DoesNotContain(found.Overrides, static change => change is { Pattern: "k", Operand: SiteOperand.Input } or { Pattern: "q", Operand: SiteOperand.Weight });
        Assert.Equal(BruteForce(report, found.Budget), found.Divergence, found.Divergence * 1e-12);
    }

    [Fact]
    public void Choose_BytesOfWeights_LeaveActivationsTheirBits()
    {
        var found = BitAllocation.Choose(Reports.Network(1, Widths), BitBudget.WeightBytes(260));

        Assert.All(found.Sites.Where(static site => !site.Site.IsWeight), static site => Assert.Equal(4, site.Bits));
        Assert.InRange(found.WeightBytes, 230, 260);
    }

    [Fact]
    public void BitOperations_OptionsBits_AreTheWhole()
    {
        var found = BitAllocation.Choose(Reports.Network(1, Widths), BitBudget.BitOperations(1), new BitAllocationOptions { AllowedBits = [4] });

        Assert.Equal(1, found.BitOperations);
    }

    [Theory]
    [InlineData("1.9bits", "A budget of 1.9bits for weights cannot be met; the least that the allowed widths and the overrides leave is 2 bits.")]
    [InlineData("214B", "A budget of 214B of which 100 bytes are no codes cannot be met; the least that the allowed widths and the overrides leave is 216 bytes.")]
    [InlineData("20%bitops", "A budget of 20%bitops of the bit operations of the options' bits cannot be met; the least that the allowed widths and the overrides leave is 38.6364 %.")]
    public void Choose_UnreachableBudget_SaysWhatIsPossible(string budget, string expected) =>
        Assert.StartsWith(expected, Assert.Throws<QuantizationException>(() => BitAllocation.Choose(Reports.Network(0, Widths), BitBudget.Parse(budget))).Message, StringComparison.Ordinal);

    public static TheoryData<string, BitAllocationOptions> OutOfRange => new()
    {
        { "Minimum is 1; allowed is 2 to 8.", new() { Minimum = 1 } },
        { "Maximum is 9; allowed is 2 to 8.", new() { Maximum = 9 } },
        { "Maximum is 3; allowed is 4 to 8.", new() { Minimum = 4, Maximum = 3 } },
        { "AllowedBits[1] is 9; allowed is 2 to 8.", new() { AllowedBits = [4, 9] } },
        { "AllowedBits is [2, 3]; allowed is a list with a width from 4 to 8.", new() { AllowedBits = [2, 3], Minimum = 4 } },
        { "AllowedBits is []; allowed is a list with a width from 2 to 8.", new() { AllowedBits = [] } },
        { "AllowedBits has 5, which the sensitivity report does not; it has 2, 3, 4, 8.", new() { AllowedBits = [4, 5] } },
        { "Minimum is 5 and Maximum 7; allowed is a range with one of the widths of the sensitivity report, 2, 3, 4, 8.", new() { Minimum = 5, Maximum = 7 } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void Choose_OptionOutOfRange_NamesIt(string expected, BitAllocationOptions options) =>
        Assert.Equal(expected, Assert.Throws<OptionsException>(() => BitAllocation.Choose(Reports.Network(0, Widths), BitBudget.MeanBits(4), options)).Message);

    private static double BruteForce(SensitivityReport report, BitBudget budget)
    {
        var best = double.PositiveInfinity;
        var groups = report.Sites.GroupBy(static site => site.Group, StringComparer.Ordinal).Select(static group => group.ToList()).ToList();
        Try(0, new Dictionary<string, int>(StringComparer.Ordinal));
        return best;

        void Try(int index, Dictionary<string, int> bits)
        {
            if (index == groups.Count)
            {
                if (IsWithin(report, budget, id => bits[id]))
                {
                    best = Math.Min(best, report.Sites.Sum(site => site.At(bits[site.Site.Id]).Divergence));
                }

                return;
            }

            var members = groups[index];
            IReadOnlyList<int> widths = members.Exists(static site => site.IsPinned) || (budget.Kind == BudgetKind.WeightBytes && !members[0].IsWeight) ? [4] : report.Widths;
            foreach (var width in widths)
            {
                members.ForEach(site => bits[site.Site.Id] = width);
                Try(index + 1, bits);
            }
        }
    }

    // Written out for the network of Reports, so that it shares nothing with what is tested.
    private static bool IsWithin(SensitivityReport report, BitBudget budget, Func<string, int> bits)
    {
        double Sum(bool weights, Func<SiteSensitivity, double> of) => report.Sites.Where(site => site.IsWeight == weights).Sum(of);
        switch (budget.Kind)
        {
            case BudgetKind.MeanBits:
                return Enumerable.All([true, false], weights => Sum(weights, site => site.Elements * bits(site.Site.Id)) <= (budget.Value * Sum(weights, static site => site.Elements)) + 1e-6);
            case BudgetKind.WeightBytes:
                return 100 + Sum(true, site => Math.Ceiling(site.Elements * bits(site.Site.Id) / 8.0)) <= budget.Value;
            default:
                var operations = (600 * bits("q:input") * bits("q:weight")) + (500 * bits("k:input") * bits("k:weight")) + (400 * bits("qk:left") * bits("qk:right")) + (900 * 8 * bits("embed:weight"));
                return operations <= (budget.Value * ((1500 * 16) + (900 * 8 * 4))) + 1e-6;
        }
    }
}
