using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace IsVit.Reports.Page;

/// <summary>Charts as parts of a page, in the page's colours and as wide as there is room.</summary>
internal static class Chart
{
    /// <summary>What a figure that stands alone is made for: larger where there is room, and still to be read on a telephone.</summary>
    public const int WideWidth = 460;

    private const int Contours = 9;

    private static readonly OxyColor s_ink = OxyColor.FromRgb(1, 2, 3);
    private static readonly OxyColor s_grid = OxyColor.FromArgb(60, 128, 128, 128);
    private static readonly OxyColor s_bars = OxyColor.FromRgb(0x4a, 0x90, 0xd9);
    private static readonly OxyColor s_levels = OxyColor.FromRgb(0xe0, 0x7b, 0x39);
    private static readonly OxyColor s_contours = OxyColor.FromArgb(150, 255, 255, 255);
    private static readonly OxyColor[] s_lines = [s_bars, s_levels, OxyColor.FromRgb(0x3f, 0xa3, 0x6b), OxyColor.FromRgb(0xa6, 0x6d, 0xc9), OxyColor.FromRgb(0xd4, 0x4f, 0x63)];

    /// <summary>How many of a histogram's numbers lie where, the counts on a logarithmic scale, with levels and how often each is used.</summary>
    /// <param name="low">Where the first interval begins.</param>
    /// <param name="high">Where the last one ends.</param>
    /// <param name="counts">The numbers in each.</param>
    /// <param name="levels">The levels; may be none.</param>
    /// <param name="shares">The share of numbers that uses each.</param>
    public static string Histogram(double low, double high, IReadOnlyList<long> counts, IReadOnlyList<double> levels, IReadOnlyList<double> shares)
    {
        var plot = Empty();
        var width = (high - low) / counts.Count;
        plot.Axes.Add(Axis(AxisPosition.Bottom, low, width > 0 ? high : low + 1));
        plot.Axes.Add(Axis(AxisPosition.Left, 0, 1.02, isShown: false));
        var top = Math.Log(1.0 + counts.Max());
        var bars = new RectangleBarSeries { FillColor = s_bars, StrokeThickness = 0 };
        for (var i = 0; i < counts.Count; i++)
        {
            bars.Items.Add(new RectangleBarItem(low + (i * width), 0, low + ((i + 1) * width), Math.Log(1.0 + counts[i]) / top));
        }

        plot.Series.Add(bars);
        if (levels.Count > 0 && levels.Count <= 64)
        {
            var most = shares.Max();
            var stems = new StemSeries { Color = s_levels, StrokeThickness = 1.5, MarkerType = MarkerType.Circle, MarkerSize = 2.5, MarkerFill = s_levels };
            stems.Points.AddRange(levels.Zip(shares, (level, share) => new DataPoint(level, share / most)));
            plot.Series.Add(stems);
        }

        return Svg(plot, 340, 150);
    }

    /// <summary>Bars beside names.</summary>
    /// <param name="rows">The names and their values, 0 or more, from top to bottom.</param>
    /// <param name="logarithmic">Whether values differ by powers of ten.</param>
    public static string Bars(IReadOnlyList<(string Name, double Value)> rows, bool logarithmic)
    {
        var plot = Empty();
        var names = new CategoryAxis { Position = AxisPosition.Left, StartPosition = 1, EndPosition = 0, TextColor = s_ink, TicklineColor = OxyColors.Transparent, AxislineColor = s_ink, GapWidth = 0.3, FontSize = 13 };
        names.Labels.AddRange(rows.Select(static row => row.Name));
        plot.PlotMargins = new OxyThickness(20 + (7.5 * rows.Max(static row => row.Name.Length)), double.NaN, double.NaN, double.NaN);
        plot.Axes.Add(names);
        var values = rows.Select(static row => row.Value).Where(static value => double.IsFinite(value) && value > 0).DefaultIfEmpty(1).ToList();
        var base0 = logarithmic ? Math.Pow(10, Math.Floor(Math.Log10(values.Min()) - 0.01)) : 0;
        plot.Axes.Add(Axis(AxisPosition.Bottom, base0, values.Max() * (logarithmic ? 1.3 : 1.05), logarithmic: logarithmic));
        var bars = new BarSeries { FillColor = s_bars, StrokeThickness = 0, BaseValue = base0 };
        bars.Items.AddRange(rows.Select(static row => new BarItem(double.IsFinite(row.Value) ? row.Value : 0)));
        plot.Series.Add(bars);
        return Svg(plot, WideWidth, 60 + (22 * rows.Count));
    }

    /// <summary>A line, or several.</summary>
    /// <param name="lines">The values of each, from number 1 on, and the number of its colour.</param>
    /// <param name="logarithmic">Whether values differ by powers of ten.</param>
    /// <param name="labels">What stands at the numbers; none to show the numbers.</param>
    /// <param name="width">The width that the text is made for.</param>
    public static string Lines(IReadOnlyList<(int Color, IReadOnlyList<double> Values)> lines, bool logarithmic, IReadOnlyList<string>? labels = null, int width = 340)
    {
        var plot = Empty();
        var finite = lines.SelectMany(static line => line.Values).Where(value => double.IsFinite(value) && (!logarithmic || value > 0)).DefaultIfEmpty(1).ToList();
        var (low, high) = (finite.Min(), finite.Max());
        var room = high > low ? (high - low) * 0.06 : Math.Max(Math.Abs(high) * 0.1, 1e-9);
        plot.Axes.Add(logarithmic ? Axis(AxisPosition.Left, low * 0.9, high * 1.1, logarithmic: true) : Axis(AxisPosition.Left, low - room, high + room));
        if (labels is null)
        {
            plot.Axes.Add(Axis(AxisPosition.Bottom, 1, Math.Max(2, lines.Max(static line => line.Values.Count))));
        }
        else
        {
            var names = new CategoryAxis { Position = AxisPosition.Bottom, TextColor = s_ink, TicklineColor = s_ink, AxislineColor = s_ink, FontSize = 11, Angle = -35 };
            names.Labels.AddRange(labels);

            // A label ends below its point, and the first one begins left of the axis.
            var longest = labels.Max(static label => label.Length);
            plot.PlotMargins = new OxyThickness(Math.Max(45, (5.5 * longest) - (width / 2.0 / labels.Count)), double.NaN, double.NaN, 24 + (4 * longest));
            plot.Axes.Add(names);
        }

        foreach (var (number, values) in lines)
        {
            var color = s_lines[number % s_lines.Length];
            var line = new LineSeries { Color = color, StrokeThickness = 1.6, MarkerType = labels is null ? MarkerType.None : MarkerType.Circle, MarkerSize = 3, MarkerFill = color };
            line.Points.AddRange(values.Select((value, at) => new DataPoint(at + (labels is null ? 1 : 0), value)));
            plot.Series.Add(line);
        }

        return Svg(plot, width, labels is null ? 160 : 280);
    }

    /// <summary>Points, and a line through some of them.</summary>
    /// <param name="groups">The points of each group with their names, and the number of its colour.</param>
    /// <param name="front">The line's points, from left to right.</param>
    /// <param name="across">What is along the lower axis.</param>
    /// <param name="upwards">What is along the left axis.</param>
    public static string Points(IReadOnlyList<(int Color, IReadOnlyList<(double X, double Y, string Name)> Points)> groups, IReadOnlyList<(double X, double Y)> front, string across, string upwards)
    {
        var plot = Empty();
        var all = groups.SelectMany(static group => group.Points).ToList();
        var ((left, right), (bottom, top)) = (Room(all.Select(static point => point.X)), Room(all.Select(static point => point.Y)));
        var (lower, side) = (Axis(AxisPosition.Bottom, left, right), Axis(AxisPosition.Left, bottom, top));
        (lower.Title, side.Title) = (across, upwards);
        lower.AxisTitleDistance = side.AxisTitleDistance = 10;
        plot.Axes.Add(lower);
        plot.Axes.Add(side);
        var line = new LineSeries { Color = s_ink, StrokeThickness = 1, LineStyle = LineStyle.Dash };
        line.Points.AddRange(front.Select(static point => new DataPoint(point.X, point.Y)));
        plot.Series.Add(line);
        foreach (var (number, points) in groups)
        {
            var color = s_lines[number % s_lines.Length];
            var series = new ScatterSeries { MarkerType = MarkerType.Circle, MarkerSize = 4, MarkerFill = color };
            series.Points.AddRange(points.Select(static point => new ScatterPoint(point.X, point.Y)));
            plot.Series.Add(series);
        }

        // Those on the line are the ones that are asked for.
        foreach (var (x, y) in front)
        {
            plot.Annotations.Add(new OxyPlot.Annotations.TextAnnotation
            {
                Text = all.First(point => point.X == x && point.Y == y).Name,
                TextPosition = new DataPoint(x, y),
                TextHorizontalAlignment = x > (left + right) / 2 ? HorizontalAlignment.Right : HorizontalAlignment.Left,
                TextVerticalAlignment = VerticalAlignment.Bottom,
                Offset = new ScreenVector(0, -5),
                TextColor = s_ink,
                StrokeThickness = 0,
                FontSize = 9,
            });
        }

        return Svg(plot, WideWidth, 300);

        static (double Low, double High) Room(IEnumerable<double> values)
        {
            var (low, high) = (values.Min(), values.Max());
            var room = high > low ? (high - low) * 0.08 : Math.Max(Math.Abs(high) * 0.1, 1e-9);
            return (low - room, high + room);
        }
    }

    /// <summary>Numbers over a plane, as colours on a logarithmic scale with lines of equal height.</summary>
    /// <param name="steps">The points along both axes, ascending and equally far from each other.</param>
    /// <param name="rows">The numbers: for each point of the upward axis those along the other.</param>
    /// <param name="low">The number of the first colour, positive; what is below has it too.</param>
    /// <param name="high">The number of the last colour, which what is no number has too.</param>
    public static string HeatMap(IReadOnlyList<double> steps, IReadOnlyList<IReadOnlyList<double>> rows, double low, double high)
    {
        var (bottom, top) = (Math.Log10(low), Math.Max(Math.Log10(high), Math.Log10(low) + 0.01));
        var data = new double[steps.Count, steps.Count];
        for (var y = 0; y < steps.Count; y++)
        {
            for (var x = 0; x < steps.Count; x++)
            {
                data[x, y] = double.IsFinite(rows[y][x]) ? Math.Clamp(Math.Log10(Math.Max(rows[y][x], 1e-30)), bottom, top) : top;
            }
        }

        var plot = Empty();

        // The page's font is wider than the one that the scale's numbers are measured with.
        plot.Padding = new OxyThickness(8, 8, 20, 8);
        var half = (steps[1] - steps[0]) / 2;
        plot.Axes.Add(Axis(AxisPosition.Bottom, steps[0] - half, steps[^1] + half));
        plot.Axes.Add(Axis(AxisPosition.Left, steps[0] - half, steps[^1] + half));
        plot.Axes.Add(new LinearColorAxis
        {
            Position = AxisPosition.Right,
            Palette = OxyPalettes.Viridis(128),
            Minimum = bottom,
            Maximum = top,
            MajorStep = (top - bottom) / 4,
            TextColor = s_ink,
            TicklineColor = s_ink,
            MinorTickSize = 0,
            LabelFormatter = static power => PageWriter.Number(Math.Pow(10, power), "G2"),
        });
        plot.Series.Add(new HeatMapSeries { X0 = steps[0], X1 = steps[^1], Y0 = steps[0], Y1 = steps[^1], Data = data, Interpolate = false, RenderMethod = HeatMapRenderMethod.Bitmap });
        plot.Series.Add(new ContourSeries
        {
            ColumnCoordinates = [.. steps],
            RowCoordinates = [.. steps],
            Data = data,
            ContourLevels = [.. Enumerable.Range(1, Contours).Select(i => bottom + ((top - bottom) * i / (Contours + 1)))],
            Color = s_contours,
            StrokeThickness = 0.8,
            FontSize = 0,
        });
        return Svg(plot, 340, 290);
    }

    /// <summary>A colour of lines.</summary>
    /// <param name="number">Its number.</param>
    public static string Color(int number) => Css(s_lines[number % s_lines.Length]);

    private static string Css(OxyColor color) => FormattableString.Invariant($"rgb({color.R},{color.G},{color.B})");

    private static PlotModel Empty() => new()
    {
        Background = OxyColors.Transparent,
        PlotAreaBorderThickness = new OxyThickness(0),
        TextColor = s_ink,
        DefaultFontSize = 11,
    };

    private static Axis Axis(AxisPosition position, double low, double high, bool isShown = true, bool logarithmic = false)
    {
        Axis axis = logarithmic ? new LogarithmicAxis() : new LinearAxis();
        (axis.Position, axis.Minimum, axis.Maximum, axis.IsAxisVisible) = (position, low, high, isShown);
        (axis.TextColor, axis.TicklineColor, axis.AxislineColor, axis.MajorGridlineColor) = (s_ink, s_ink, s_ink, s_grid);
        (axis.AxislineStyle, axis.MajorGridlineStyle, axis.MinorTickSize) = (LineStyle.Solid, LineStyle.Solid, 0);
        axis.StringFormat = "G4";
        return axis;
    }

    // The ink is the page's, and the picture grows with its frame.
    private static string Svg(PlotModel plot, int width, int height)
    {
        var svg = new SvgExporter { Width = width, Height = height, IsDocument = false }.ExportToString(plot);
        var start = svg.IndexOf("<svg", StringComparison.Ordinal);
        var end = svg.IndexOf('>', start);
        return FormattableString.Invariant($"<svg viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\">") + svg[(end + 1)..].Replace(Css(s_ink), "currentColor", StringComparison.Ordinal).Replace(" font-family=\"Segoe UI\"", "", StringComparison.Ordinal);
    }
}
