using System.Globalization;
using IsVit.Model;
using IsVit.Optimization.MixedPrecision;
using IsVit.Tool.Terminal;
using Spectre.Console;

namespace IsVit.Tool.Reporting;

/// <summary>A choice of bits for people.</summary>
internal static class AllocationTable
{
    /// <summary>Writes the bits of every product's operands and what they cost.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="allocation">The choice.</param>
    public static void Write(ToolConsole console, BitAllocation allocation)
    {
        var table = new ToolTable("module", "input, left", "weight, right", "divergence");
        foreach (var product in allocation.Sites.GroupBy(static site => site.Site.Site.Path, StringComparer.Ordinal))
        {
            table.AddRow(
                product.Key,
                Bits(product.FirstOrDefault(static site => site.Site.Site.Operand is SiteOperand.Input or SiteOperand.Left or SiteOperand.Output)),
                Bits(product.FirstOrDefault(static site => site.Site.Site.Operand is SiteOperand.Weight or SiteOperand.Right)),
                ReportTable.Figure(product.Sum(static site => site.Divergence), "0.0E+0"));
        }

        table.Write(console.Ansi);
        var uniform = allocation.Report.Sites.Sum(static site => site.At(site.Spec.Bits.Bits).Divergence);
        console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"bits within {allocation.Budget}: weights {ReportTable.Figure(allocation.MeanWeightBits, "F3")}, activations {ReportTable.Figure(allocation.MeanActivationBits, "F3")} on average, {ReportTable.Megabytes(allocation.WeightBytes)} MB, {ReportTable.Figure(100 * allocation.BitOperations, "F1")} % of the options' bit operations; divergences sum up to {allocation.Divergence:G4} (the options' bits: {uniform:G4})"));
    }

    private static string Bits(SiteBits? site) => site is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{site.Bits}{(site.Site.IsPinned ? " (given)" : "")}");
}
