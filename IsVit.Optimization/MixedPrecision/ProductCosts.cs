using IsVit.Model;
using IsVit.Model.Quantization;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>Bit operations: what a choice of bits costs where two operands multiply.</summary>
internal static class ProductCosts
{
    /// <summary>Whether it is known what a site is multiplied with.</summary>
    public static bool Has(SiteSensitivity site) => site.MultiplyAccumulates > 0 && site.Site.Operand != SiteOperand.Output;

    /// <summary>The sum over products of steps times bits times bits.</summary>
    /// <param name="sites">All sites of a report.</param>
    /// <param name="bits">The bits of one of them.</param>
    public static long Total(IEnumerable<SiteSensitivity> sites, Func<SiteSensitivity, int> bits) =>
        sites.Where(Has).GroupBy(static site => site.Site.Path, StringComparer.Ordinal).Sum(product => Cost([.. product], bits));

    /// <summary>The choices of bits for groups that meet in products: groups that do not are items of their own.</summary>
    /// <param name="groups">All groups.</param>
    /// <exception cref="QuantizationException">Groups meet in another way than one with each of the others.</exception>
    public static IEnumerable<IReadOnlyList<Choice>> Items(IReadOnlyList<SiteGroup> groups)
    {
        var groupOf = groups.SelectMany(static group => group.Sites.Select(site => (site, group))).ToDictionary(static entry => entry.site.Site.Id, static entry => entry.group, StringComparer.Ordinal);
        var products = groups.SelectMany(static group => group.Sites).Where(Has).GroupBy(static site => site.Site.Path, StringComparer.Ordinal).Select(static product => product.ToList()).ToList();
        var left = groups.ToList();
        while (left.Count > 0)
        {
            // The group with the most products is the middle of a star: an activation that several layers read, each with a weight of its own.
            var middle = left.MaxBy(group => products.Count(product => product.Exists(site => groupOf[site.Site.Id] == group)))!;
            var own = products.FindAll(product => product.Exists(site => groupOf[site.Site.Id] == middle));
            var others = own.SelectMany(static product => product).Select(site => groupOf[site.Site.Id]).Where(group => group != middle).Distinct().ToList();
            if (others.Find(other => products.Exists(product => !own.Contains(product) && product.Exists(site => groupOf[site.Site.Id] == other))) is { } further)
            {
                throw new QuantizationException($"The product of '{further.Sites[0].Site.Path}' shares bits with several groups of products; bit operations can be limited where one activation meets several weights, no more.");
            }

            yield return Choice.Best(middle.Widths.SelectMany(bits => Star(middle, bits, others, own, groupOf)));
            left.RemoveAll(group => group == middle || others.Contains(group));
        }
    }

    // With the middle's bits given, the others do not know of each other.
    private static List<Choice> Star(SiteGroup middle, int bits, List<SiteGroup> others, List<List<SiteSensitivity>> products, Dictionary<string, SiteGroup> groupOf)
    {
        long CostOf(SiteGroup? other, int otherBits) => products
            .Where(product => product.Select(site => groupOf[site.Site.Id]).FirstOrDefault(group => group != middle) == other)
            .Sum(product => Cost(product, site => groupOf[site.Site.Id] == middle ? bits : otherBits));
        List<Choice> choices = [new(CostOf(null, 0), middle.Divergence(bits), [(middle, bits)])];
        foreach (var other in others)
        {
            choices = Choice.Best(from choice in choices from width in other.Widths select choice.With(new Choice(CostOf(other, width), other.Divergence(width), [(other, width)])));
        }

        return choices;
    }

    private static long Cost(List<SiteSensitivity> operands, Func<SiteSensitivity, int> bits) =>
        checked(operands[0].MultiplyAccumulates * bits(operands[0]) * (operands.Count > 1 ? bits(operands[1]) : operands[0].OtherOperandBits ?? SiteSensitivity.FloatBits));
}
