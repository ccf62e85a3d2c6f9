using System.Globalization;
using System.Net;

namespace IsVit.Core.Html;

/// <summary>Writes parts of a page. Styles are on the elements, because notebooks keep no others, and leave colours to the page.</summary>
internal sealed class HtmlWriter
{
    private readonly TextWriter _writer;

    /// <param name="writer">Receives the text.</param>
    public HtmlWriter(TextWriter writer) => _writer = writer;

    /// <summary>A line of text.</summary>
    public void Line(FormattableString text) => Element("p", text.ToString(CultureInfo.InvariantCulture));

    /// <summary>A table.</summary>
    /// <param name="headers">The columns' names.</param>
    /// <param name="rows">Numbers are written in the invariant culture, fractions in four digits; null is left empty.</param>
    public void Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<object?>> rows)
    {
        _writer.Write("<table><thead><tr>");
        foreach (var header in headers)
        {
            Element("th", header);
        }

        _writer.Write("</tr></thead><tbody>");
        foreach (var row in rows)
        {
            _writer.Write("<tr>");
            foreach (var cell in row)
            {
                Element(IsNumber(cell) ? "td style=\"text-align:right\"" : "td", Text(cell));
            }

            _writer.Write("</tr>");
        }

        _writer.Write("</tbody></table>");
    }

    /// <summary>A table that is shown when its summary is clicked on.</summary>
    public void FoldedTable(FormattableString summary, IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<object?>> rows)
    {
        _writer.Write("<details>");
        Element("summary", summary.ToString(CultureInfo.InvariantCulture));
        Table(headers, rows);
        _writer.Write("</details>");
    }

    /// <summary>A bar.</summary>
    /// <param name="share">How far it is filled, 0 to 1.</param>
    /// <param name="text">Stands behind it.</param>
    public void Bar(double share, FormattableString text)
    {
        _writer.Write(string.Create(CultureInfo.InvariantCulture, $"<progress value=\"{share:0.###}\" max=\"1\"></progress> "));
        Element("span", text.ToString(CultureInfo.InvariantCulture));
    }

    private void Element(string tag, string text) => _writer.Write($"<{tag}>{WebUtility.HtmlEncode(text)}</{tag.Split(' ')[0]}>");

    private static bool IsNumber(object? cell) => cell is int or long or double or TimeSpan;

    private static string Text(object? cell) => cell switch
    {
        null => "",
        double number => number.ToString("G4", CultureInfo.InvariantCulture),
        TimeSpan time => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F1} s"),
        IFormattable value => value.ToString(null, CultureInfo.InvariantCulture),
        _ => cell.ToString() ?? "",
    };
}
