using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace IsVit.Reports.Page;

/// <summary>Writes a page that needs no other file.</summary>
internal sealed partial class PageWriter
{
    private readonly StringBuilder _text = new();
    private readonly List<(string Id, string Title)> _parts = [];

    // Names within pictures are names of the page.
    private int _figures;

    /// <summary>Begins a part.</summary>
    /// <param name="id">Its name within the page.</param>
    /// <param name="title">Its heading.</param>
    /// <param name="text">What it shows; may be empty.</param>
    public void Begin(string id, string title, string text)
    {
        _parts.Add((id, title));
        Add($"<h2 id=\"{id}\">{Encode(title)}</h2>");
        if (text.Length > 0)
        {
            Add($"<p>{Encode(text)}</p>");
        }
    }

    /// <summary>A chart.</summary>
    /// <param name="picture">What <see cref="Chart"/> made.</param>
    /// <param name="caption">Stands below it.</param>
    public void Figure(string picture, string? caption = null) => Add("<figure>").Add(Ids().Replace(picture, FormattableString.Invariant($"f{_figures++}-"))).Add(caption is null ? "" : $"<figcaption>{Encode(caption)}</figcaption>").Add("</figure>\n");

    /// <summary>A picture.</summary>
    /// <param name="png">The file, or null for none.</param>
    /// <param name="caption">Stands below it.</param>
    public void Picture(byte[]? png, string caption)
    {
        if (png is not null)
        {
            Add($"<div><img alt=\"{Encode(caption)}\" src=\"data:image/png;base64,{Convert.ToBase64String(png)}\">{Encode(caption)}</div>");
        }
    }

    /// <summary>What is shown when its summary is clicked on.</summary>
    /// <param name="summary">The summary.</param>
    /// <param name="content">Writes it.</param>
    /// <param name="isOpen">Whether it is shown from the beginning.</param>
    public void Fold(string summary, Action content, bool isOpen = false)
    {
        Add(isOpen ? "<details open>" : "<details>").Add($"<summary>{Encode(summary)}</summary>");
        content();
        Add("</details>\n");
    }

    /// <summary>A table; columns without a value are left out.</summary>
    /// <param name="headers">The columns' names.</param>
    /// <param name="rows">Texts and numbers.</param>
    public void Table(IReadOnlyList<string> headers, IEnumerable<object?[]> rows)
    {
        // A column that says nothing is left out.
        var all = rows.ToList();
        var shown = Enumerable.Range(0, headers.Count).Where(i => all.Exists(row => row[i] is not null)).ToList();
        headers = [.. shown.Select(i => headers[i])];
        all = [.. all.Select(row => shown.Select(i => row[i]).ToArray())];
        Add("<div class=\"scroll\"><table>");
        if (headers.Any(static header => header.Length > 0))
        {
            Add("<tr>").Add(string.Concat(headers.Select((header, i) => $"<th{(all.Exists(row => row[i] is int or double) ? " class=\"n\"" : "")}>{Encode(header)}</th>"))).Add("</tr>");
        }

        foreach (var row in all)
        {
            Add("<tr>").Add(string.Concat(row.Select(static cell => cell is int or double ? $"<td class=\"n\">{Number(Convert.ToDouble(cell, CultureInfo.InvariantCulture), "0.###")}</td>" : $"<td class=\"wrap\">{Encode(cell?.ToString() ?? "")}</td>"))).Add("</tr>");
        }

        Add("</table></div>\n");
    }

    /// <summary>Adds HTML.</summary>
    /// <param name="text">The HTML.</param>
    public PageWriter Add(string text)
    {
        _text.Append(text);
        return this;
    }

    // What a fixed format would show as 0 is written with its power of ten.
    /// <summary>A number as text.</summary>
    /// <param name="value">The number; null is left empty.</param>
    /// <param name="format">Its format, unless that would show it as 0.</param>
    public static string Number(double? value, string format) => value is not { } number
        ? ""
        : (number != 0 && Math.Abs(number) is < 1e-3 or >= 1e7 ? number.ToString("0.0##E+0", CultureInfo.InvariantCulture) : number.ToString(format, CultureInfo.InvariantCulture));

    [GeneratedRegex("(?<=id=\"|url\\(#)(?=clipPath)", RegexOptions.None, matchTimeoutMilliseconds: Timeout.Infinite)]
    private static partial Regex Ids();

    /// <summary>Text as HTML.</summary>
    /// <param name="text">The text.</param>
    public static string Encode(string text) => WebUtility.HtmlEncode(text);

    /// <summary>The page.</summary>
    /// <param name="title">Its title.</param>
    public string ToPage(string title)
    {
        using var style = new StreamReader(typeof(PageWriter).Assembly.GetManifestResourceStream("report.css")!);
        var links = string.Concat(_parts.Select(static part => $"<a href=\"#{part.Id}\">{Encode(part.Title)}</a>"));
        return $"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{Encode(title)}</title><style>\n{style.ReadToEnd()}</style></head>\n"
            + $"<body><h1>{Encode(title)}</h1><nav>{links}</nav>\n{_text}</body></html>\n";
    }
}
