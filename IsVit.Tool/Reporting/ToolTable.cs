using System.Globalization;
using Spectre.Console;

namespace IsVit.Tool.Reporting;

/// <summary>
/// A table that fits the terminal: columns that say nothing are left out, headers break at spaces, and texts lose their middle, that of the first column last, before a number would be broken over lines.
/// </summary>
internal sealed class ToolTable
{
    // A text keeps so many signs, and each column takes three more for its border.
    private const int Shortest = 10;
    private const int Border = 3;
    private const string None = "-";

    private readonly string[] _headers;
    private readonly List<string[]> _rows = [];

    /// <summary>An empty table.</summary>
    /// <param name="headers">The columns' names.</param>
    public ToolTable(params ReadOnlySpan<string> headers) => _headers = headers.ToArray();

    /// <summary>Headers of columns that are left out, in this order, where the first column would lose its middle otherwise.</summary>
    public IReadOnlyList<string> Dispensable { get; init; } = [];

    /// <summary>Adds a row.</summary>
    /// <param name="cells">One for each column, as plain text.</param>
    public void AddRow(params ReadOnlySpan<string> cells) => _rows.Add(cells.Length == _headers.Length
        ? cells.ToArray()
        : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"A row has {cells.Length} cells; expected {_headers.Length}."), nameof(cells)));

    /// <summary>Adds a row without anything in it, to keep others apart.</summary>
    public void AddLine() => _rows.Add([.. _headers.Select(static _ => "")]);

    /// <summary>Writes the table.</summary>
    /// <param name="console">Where to write; its width is what the table fits in.</param>
    public void Write(IAnsiConsole console)
    {
        var room = console.Profile.Width;
        int[] shown = [.. Enumerable.Range(0, _headers.Length).Where(column => column == 0 || _rows.Count == 0 || _rows.Exists(row => row[column] is not ("" or None)))];
        foreach (var column in Dispensable.Select(header => Array.IndexOf(_headers, header)).TakeWhile(_ => Least(shown) > room))
        {
            shown = [.. shown.Where(other => other != column)];
        }

        string[] headers = [.. shown.Select(column => _headers[column])];
        var rows = Rows(shown);
        int[] widths = [.. headers.Select((header, column) => Math.Max(header.Length, LongestCell(rows, column)))];
        if (Total(widths) > room)
        {
            headers = [.. headers.Select((header, column) => Break(header, rows, column))];
            widths = Widths(headers, rows);
            Narrow(widths, headers, rows, room);
        }

        var table = new Table { Border = TableBorder.Ascii2 };
        for (var column = 0; column < headers.Length; column++)
        {
            table.AddColumn(new TableColumn(Markup.Escape(headers[column])) { Alignment = column == 0 || !IsNumbers(rows, column) ? Justify.Left : Justify.Right, NoWrap = true });
        }

        foreach (var row in rows)
        {
            table.AddRow([.. row.Select((cell, column) => Markup.Escape(Shorten(cell, widths[column])))]);
        }

        // A terminal that has no room for the numbers breaks the lines itself.
        console.Profile.Width = Math.Max(room, Total(widths));
        console.Write(table);
        console.Profile.Width = room;
    }

    private List<string[]> Rows(int[] shown) => _rows.ConvertAll(row => shown.Select(column => row[column]).ToArray());

    // The width with a whole first column, and other texts as short as may be.
    private int Least(int[] shown)
    {
        var rows = Rows(shown);
        string[] headers = [.. shown.Select((header, column) => Break(_headers[header], rows, column))];
        return Total([.. Widths(headers, rows).Select((width, column) => column == 0 || IsNumbers(rows, column) ? width : Math.Min(width, Least(headers[column])))]);
    }

    /// <summary>A text without its middle, of which both ends tell more.</summary>
    /// <param name="text">The text.</param>
    /// <param name="length">The most signs, 3 or more.</param>
    public static string Shorten(string text, int length) => text.Length <= length ? text : $"{text[..(length / 2)]}…{text[^(length - (length / 2) - 1)..]}";

    private static int Total(int[] widths) => widths.Sum() + (Border * widths.Length) + 1;

    // The least width of a column of texts.
    private static int Least(string header) => Math.Max(Shortest, HeaderWidth(header));

    private static int HeaderWidth(string header) => header.Split('\n').Max(static line => line.Length);

    private static int[] Widths(string[] headers, List<string[]> rows) => [.. headers.Select((header, column) => Math.Max(HeaderWidth(header), LongestCell(rows, column)))];

    private static int LongestCell(List<string[]> rows, int column) => rows.Count == 0 ? 0 : rows.Max(row => row[column].Length);

    // Lines of whole words, as long as the column is anyway.
    private static string Break(string header, List<string[]> rows, int column)
    {
        var width = IsNumbers(rows, column) ? LongestCell(rows, column) : Shortest;
        var lines = new List<string>();
        foreach (var word in header.Split(' '))
        {
            if (lines.Count > 0 && lines[^1].Length + 1 + word.Length <= Math.Max(width, lines.Max(static line => line.Length)))
            {
                lines[^1] += $" {word}";
            }
            else
            {
                lines.Add(word);
            }
        }

        return string.Join('\n', lines);
    }

    // The widest text gives way first, but the one that names the row last.
    private static void Narrow(int[] widths, string[] headers, List<string[]> rows, int room)
    {
        int[] texts = [.. Enumerable.Range(0, widths.Length).Where(column => !IsNumbers(rows, column))];
        while (Total(widths) > room && texts.Where(column => widths[column] > Least(headers[column])).ToList() is { Count: > 0 } wide)
        {
            widths[wide.MaxBy(column => column == 0 ? 0 : widths[column])]--;
        }
    }

    // Figures, bars and lengths such as 192 x 768 are not texts.
    private static bool IsNumbers(List<string[]> rows, int column) => rows.TrueForAll(row => !row[column].Any(static sign => char.IsLetter(sign) && sign is not ('x' or 'E')));
}
