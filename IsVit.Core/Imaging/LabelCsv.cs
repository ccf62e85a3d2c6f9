using System.Globalization;

namespace IsVit.Core.Imaging;

/// <summary>Lists the images in a CSV file, with their labels.</summary>
public static class LabelCsv
{
    /// <summary>Reads a CSV file (RFC 4180, comma-separated, UTF-8) whose first line contains the column names.</summary>
    /// <param name="path">The CSV file.</param>
    /// <param name="folder">The folder that file names are relative to; null for the folder of the CSV file.</param>
    /// <param name="fileColumn">The name of the column of file names.</param>
    /// <param name="labelColumn">The name of the column of labels: whole numbers from 0. Other columns are ignored.</param>
    /// <returns>The images, in the order of the rows.</returns>
    /// <exception cref="ImageException">
    /// The CSV file cannot be read, lacks a column, has no rows, or a row has no file name, names a file that does not exist, or has a label that is
    /// not a whole number from 0. The message contains the line number.
    /// </exception>
    public static ImageList Read(string path, string? folder = null, string fileColumn = "file", string labelColumn = "label")
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        folder ??= Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new ImageException(folder, $"no such folder; the files that '{path}' names were expected there.");
        }

        var rows = CsvReader.Parse(ReadText(path), path);
        if (rows.Count == 0)
        {
            throw new ImageException(path, $"the file is empty; expected a first line with the columns '{fileColumn}' and '{labelColumn}'.");
        }

        var file = Column(rows[0], fileColumn, path);
        var label = Column(rows[0], labelColumn, path);
        if (rows.Count == 1)
        {
            throw new ImageException(path, "the file names no image: there is no row below the column names.");
        }

        return new ImageList(rows.Skip(1).Select(row => Item(row, file, label, folder, path)));
    }

    private static ImageItem Item(CsvRow row, int file, int label, string folder, string path)
    {
        if (row.Cells.Count <= Math.Max(file, label))
        {
            throw new ImageException(path, FormattableString.Invariant($"line {row.Line} has {row.Cells.Count} column(s); expected at least {Math.Max(file, label) + 1}."));
        }

        var name = row.Cells[file];
        if (name.Length == 0)
        {
            throw new ImageException(path, FormattableString.Invariant($"line {row.Line} has no file name."));
        }

        if (!int.TryParse(row.Cells[label], NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var number))
        {
            throw new ImageException(path, FormattableString.Invariant($"line {row.Line}, '{name}': the label is '{row.Cells[label]}'; expected a whole number from 0."));
        }

        var image = Path.Combine(folder, name);
        return File.Exists(image)
            ? new ImageItem(image, number)
            : throw new ImageException(path, FormattableString.Invariant($"line {row.Line} names '{name}'; there is no such file in '{folder}'."));
    }

    private static int Column(CsvRow header, string name, string path)
    {
        for (var i = 0; i < header.Cells.Count; i++)
        {
            if (header.Cells[i].Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return i;
            }
        }

        throw new ImageException(path, $"no column '{name}' in the first line; its columns are '{string.Join("', '", header.Cells)}'.");
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var reason = e is FileNotFoundException or DirectoryNotFoundException ? "no such file." : $"the file cannot be read: {e.Message}";
            throw new ImageException(path, reason, e);
        }
    }
}
