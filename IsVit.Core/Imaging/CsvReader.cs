using System.Text;

namespace IsVit.Core.Imaging;

/// <summary>One row of a CSV file.</summary>
/// <param name="Line">The line on which it begins, counted from 1.</param>
/// <param name="Cells">The cells, quotes removed.</param>
internal readonly record struct CsvRow(int Line, IReadOnlyList<string> Cells);

/// <summary>Splits CSV text (RFC 4180) into rows.</summary>
internal static class CsvReader
{
    /// <summary>The rows of the text; empty lines are left out.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ImageException">A quote is not closed.</exception>
    public static List<CsvRow> Parse(string text, string name)
    {
        var rows = new List<CsvRow>();
        var cells = new List<string>();
        var cell = new StringBuilder();
        var line = 1;
        var rowLine = 1;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '"' && cell.Length == 0)
            {
                i = Quoted(text, i + 1, cell, ref line, name);
            }
            else if (c == ',')
            {
                EndCell(cells, cell);
            }
            else if (c == '\n')
            {
                EndRow(rows, cells, cell, rowLine);
                rowLine = ++line;
            }
            else if (c != '\r')
            {
                cell.Append(c);
            }
        }

        EndRow(rows, cells, cell, rowLine);
        return rows;
    }

    /// <summary>Reads a quoted cell and returns the position of its closing quote.</summary>
    private static int Quoted(string text, int at, StringBuilder cell, ref int line, string name)
    {
        var opened = line;
        for (; at < text.Length; at++)
        {
            if (text[at] == '"')
            {
                if (at + 1 == text.Length || text[at + 1] != '"')
                {
                    return at;
                }

                at++;
            }

            line += text[at] == '\n' ? 1 : 0;
            cell.Append(text[at]);
        }

        throw new ImageException(name, FormattableString.Invariant($"the quote opened on line {opened} is not closed."));
    }

    private static void EndCell(List<string> cells, StringBuilder cell)
    {
        cells.Add(cell.ToString());
        cell.Clear();
    }

    private static void EndRow(List<CsvRow> rows, List<string> cells, StringBuilder cell, int line)
    {
        if (cells.Count > 0 || cell.Length > 0)
        {
            EndCell(cells, cell);
            rows.Add(new CsvRow(line, cells.ToArray()));
            cells.Clear();
        }
    }
}
