using System.Globalization;
using IsVit.Model.Quantization;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>
/// An assignment of bits to sites that stays within a budget and, according to a <see cref="SensitivityReport"/>, changes the model's outputs least: it minimizes the sum of the sites' divergences. The sum of the effects of
/// single sites approximates the effect of all together (as in HAWQ-V3, Yao et al., arXiv 2011.10680, whose integer program this is, solved exactly).
/// </summary>
public sealed record BitAllocation
{
    // A limit such as 4.1 bits times some millions of numbers is a whole number but for rounding.
    private const double Rounding = 1e-9;

    private BitAllocation(BitBudget budget, SensitivityReport report, IReadOnlyList<SiteBits> sites) => (Budget, Report, Sites) = (budget, report, sites);

    /// <summary>The budget.</summary>
    public BitBudget Budget { get; }

    /// <summary>The sensitivities that the choice is based on.</summary>
    public SensitivityReport Report { get; }

    /// <summary>The bits of every site of the report, in its order.</summary>
    public IReadOnlyList<SiteBits> Sites { get; }

    /// <summary>The sum of the sites' divergences, see <see cref="WidthSensitivity.Divergence"/>.</summary>
    public double Divergence => Sites.Sum(static site => site.Divergence);

    /// <summary>The mean number of bits of the elements of all quantized weights; null if there are none.</summary>
    public double? MeanWeightBits => Mean(Sites.Where(static site => site.Site.IsWeight));

    /// <summary>The mean number of bits of the elements of all quantized activations; null if there are none.</summary>
    public double? MeanActivationBits => Mean(Sites.Where(static site => !site.Site.IsWeight));

    /// <summary>The size of the model's parameters in bytes, see <see cref="BudgetKind.WeightBytes"/>.</summary>
    public long WeightBytes => Report.OtherParameterBytes + Sites.Where(static site => site.Site.IsWeight).Sum(static site => PackedCodes.ByteCount(site.Site.Elements, site.Bits));

    /// <summary>Bit operations as a fraction of those at the bits that the options set, see <see cref="BudgetKind.BitOperations"/>; null if no module shows a product.</summary>
    public double? BitOperations
    {
        get
        {
            var bits = Sites.ToDictionary(static site => site.Site.Site.Id, static site => site.Bits, StringComparer.Ordinal);
            var uniform = ProductCosts.Total(Report.Sites, static site => site.Spec.Bits.Bits);
            return uniform == 0 ? null : (double)ProductCosts.Total(Report.Sites, site => bits[site.Site.Id]) / uniform;
        }
    }

    /// <summary>The choice as entries for <see cref="QuantizationOptions.Overrides"/>, to be appended after existing ones: every site that is not pinned, by its path.</summary>
    public IReadOnlyList<SiteOverride> Overrides =>
    [
        .. Sites.Where(static site => !site.Site.IsPinned && site.Site.Site.Path.Length > 0)
            .Select(static site => new SiteOverride { Pattern = site.Site.Site.Path, Operand = site.Site.Site.Operand, Bits = site.Bits }),
    ];

    /// <summary>Chooses bits.</summary>
    /// <param name="report">The sensitivity of each site at each bit width.</param>
    /// <param name="budget">The budget.</param>
    /// <param name="options">Which bit widths may be chosen; null for all that the report contains.</param>
    /// <exception cref="OptionsException">An option is out of range, or the report does not contain a requested bit width.</exception>
    /// <exception cref="QuantizationException">No allowed choice is within the budget; the message reports the smallest possible cost.</exception>
    public static BitAllocation Choose(SensitivityReport report, BitBudget budget, BitAllocationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(budget);
        var widths = (options ?? new BitAllocationOptions()).Among(report);
        var bits = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var choice in Solve(report, budget, widths))
        {
            foreach (var (group, chosen) in choice.Bits)
            {
                foreach (var site in group.Sites)
                {
                    bits[site.Site.Id] = chosen;
                }
            }
        }

        return new BitAllocation(budget, report, [.. report.Sites.Select(site => new SiteBits(site, bits[site.Site.Id]))]);
    }

    private static IEnumerable<Choice> Solve(SensitivityReport report, BitBudget budget, IReadOnlyList<int> widths)
    {
        // A site of the root itself has no path that an override could name.
        var groups = SiteGroup.Of(report, widths, site => site.Site.Path.Length == 0 || (budget.Kind switch
        {
            BudgetKind.WeightBytes => !site.IsWeight,
            BudgetKind.BitOperations => !ProductCosts.Has(site),
            _ => false,
        }));
        var weights = groups.FindAll(static group => group.Sites[0].IsWeight);
        var activations = groups.FindAll(static group => !group.Sites[0].IsWeight);
        switch (budget.Kind)
        {
            case BudgetKind.MeanBits:
                return [.. WithMeanBits(budget, weights, "weights"), .. WithMeanBits(budget, activations, "activations")];
            case BudgetKind.WeightBytes:
                var items = weights.ConvertAll(static group => Items(group, static (site, bits) => PackedCodes.ByteCount(site.Elements, bits)));
                var chosen = ChoiceKnapsack.Solve(items, Whole(budget.Value) - report.OtherParameterBytes)
                    ?? throw Unreachable(budget, FormattableString.Invariant($"of which {report.OtherParameterBytes} bytes are no codes"), report.OtherParameterBytes + Least(items), "bytes");
                return [.. chosen, .. activations.Select(static group => Kept(group))];
            default:
                var products = ProductCosts.Items(groups).ToList();
                var uniform = ProductCosts.Total(report.Sites, static site => site.Spec.Bits.Bits);
                return ChoiceKnapsack.Solve(products, Whole(budget.Value * uniform))
                    ?? throw Unreachable(budget, "of the bit operations of the options' bits", 100.0 * Least(products) / uniform, "%");
        }
    }

    private static IReadOnlyList<Choice> WithMeanBits(BitBudget budget, List<SiteGroup> groups, string what)
    {
        var elements = groups.Sum(static group => group.Sites.Sum(static site => site.Elements));
        var items = groups.ConvertAll(static group => Items(group, static (site, bits) => site.Elements * bits));
        return ChoiceKnapsack.Solve(items, Whole(budget.Value * elements)) ?? throw Unreachable(budget, $"for {what}", (double)Least(items) / elements, "bits");
    }

    private static List<Choice> Items(SiteGroup group, Func<SiteSensitivity, int, long> cost) =>
        Choice.Best(group.Widths.Select(bits => new Choice(group.Sites.Sum(site => cost(site, bits)), group.Divergence(bits), [(group, bits)])));

    private static Choice Kept(SiteGroup group) => new(0, group.Divergence(group.Widths[0]), [(group, group.Widths[0])]);

    private static long Least(IEnumerable<IReadOnlyList<Choice>> items) => items.Sum(static choices => choices[0].Cost);

    private static long Whole(double limit) => (long)Math.Min(long.MaxValue / 2, Math.Floor(limit * (1 + Rounding)));

    private static double? Mean(IEnumerable<SiteBits> sites)
    {
        var list = sites.ToList();
        return list.Count == 0 ? null : list.Sum(static site => (double)site.Site.Elements * site.Bits) / list.Sum(static site => site.Site.Elements);
    }

    private static QuantizationException Unreachable(BitBudget budget, string of, double least, string unit) => new(string.Create(
        CultureInfo.InvariantCulture, $"A budget of {budget} {of} cannot be met; the least that the allowed widths and the overrides leave is {least:0.####} {unit}."));
}
