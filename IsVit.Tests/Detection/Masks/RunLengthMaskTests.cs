using CsCheck;
using IsVit.Detection.Masks;

namespace IsVit.Tests.Detection.Masks;

public sealed class RunLengthMaskTests
{
    // Long runs, as masks have, rather than noise.
    private static readonly Gen<(int Height, int Width, byte[] Pixels)> Picture =
        from height in Gen.Int[1, 40]
        from width in Gen.Int[1, 40]
        from runs in Gen.Select(Gen.Byte, Gen.Int[1, 60]).Array[0, 60]
        select (height, width, Filled(height * width, runs));

    private static readonly Gen<(int Height, int Width, byte[] A, byte[] B)> Two =
        from first in Picture
        from runs in Gen.Select(Gen.Byte, Gen.Int[1, 60]).Array[0, 60]
        select (first.Height, first.Width, first.Pixels, Filled(first.Height * first.Width, runs));

    // Corners within and around a picture of 24 x 30, on fifths, halves and anywhere, some of them the same.
    private static readonly Gen<double[]> Polygon =
        from kind in Gen.Int[0, 2]
        from numbers in Gen.Double[-25, 55].Array[6, 20]
        from repeated in Gen.Bool
        let even = numbers.Length % 2 == 0 ? numbers : numbers[1..]
        let rounded = even.Select(n => kind == 0 ? n : kind == 1 ? Math.Round(n) / 2 : Math.Round(n * 10) / 10)
        select (double[])[.. repeated ? even[..2] : [], .. repeated ? even[..2] : [], .. rounded];

    [Fact]
    public void FromPixels_AnyPixels_ComeBackAndGiveAreaAndBox() => Picture.Sample(
        picture =>
        {
            var (height, width, pixels) = picture;

            var mask = RunLengthMask.FromPixels(pixels, height, width);

            Assert.Equal(pixels.Select(static p => p == 0 ? (byte)0 : (byte)1), mask.ToPixels());
            Assert.Equal(pixels.Count(static p => p != 0), mask.Area);
            Assert.Equal(height * width, mask.ToCounts().Sum());
            Assert.Equal(BoxOf(mask.ToCounts(), height), mask.BoundingBox);
            Assert.Equal(mask, RunLengthMask.FromPixels(Array.ConvertAll(pixels, static p => p != 0), height, width));
        },
        iter: 2000,
        threads: 1);

    [Fact]
    public void Runs_AsCountsAndStrings_ComeBack() => Picture.Sample(
        picture =>
        {
            var mask = RunLengthMask.FromPixels(picture.Pixels, picture.Height, picture.Width);

            Assert.Equal(mask, RunLengthMask.FromCounts(mask.ToCounts(), picture.Height, picture.Width));
            Assert.Equal(mask, RunLengthMask.FromCompressed(mask.ToCompressed(), picture.Height, picture.Width));
            Assert.Equal(mask.GetHashCode(), RunLengthMask.FromCompressed(mask.ToCompressed(), picture.Height, picture.Width).GetHashCode());
        },
        iter: 2000,
        threads: 1);

    [Fact]
    public void ToCompressed_LongRuns_ComeBack() => Gen.Select(Gen.Int[0, 40_000], Gen.Int[0, 40_000], Gen.Int[0, 40_000], Gen.Int[0, 40_000]).Sample(
        (a, b, c, d) =>
        {
            int[] counts = [a, b + 1, c + 1, d + 1, 200_004 - (a + b + c + d + 3)];

            Assert.Equal(counts, RunLengthMask.FromCompressed(RunLengthMask.FromCounts(counts, 2, 100_002).ToCompressed(), 2, 100_002).ToCounts());
        },
        iter: 2000,
        threads: 1);

    [Fact]
    public void UnionIntersectionAndOverlap_AnyTwoMasks_AreThoseOfTheirPixels() => Two.Sample(
        two =>
        {
            var (height, width, pixelsA, pixelsB) = two;
            var (a, b) = (RunLengthMask.FromPixels(pixelsA, height, width), RunLengthMask.FromPixels(pixelsB, height, width));
            var or = RunLengthMask.FromPixels([.. pixelsA.Zip(pixelsB, static (p, q) => (byte)(p | q))], height, width);
            var and = RunLengthMask.FromPixels([.. pixelsA.Zip(pixelsB, static (p, q) => p != 0 && q != 0)], height, width);

            Assert.Equal(or, a.Union(b));
            Assert.Equal(and, a.Intersection(b));
            Assert.Equal(and.Area == 0 ? 0 : (double)and.Area / or.Area, a.IntersectionOverUnion(b));
            Assert.Equal(and.Area == 0 ? 0 : (double)and.Area / a.Area, a.IntersectionOverUnion(b, crowd: true));
        },
        iter: 3000,
        threads: 1);

    [Fact]
    public void FromPolygon_AnyCorners_GivesWhatTheWalkAlongTheEdgesGives() => Polygon.Sample(
        corners => Assert.Equal(PolygonWalk.Counts(corners, 24, 30), RunLengthMask.FromPolygon(corners, 24, 30).ToCounts()),
        iter: 5000,
        threads: 1);

    [Fact]
    public void FromPolygonAndBox_RectanglesOfWholePixels_HoldExactlyThese() => Gen.Select(Gen.Int[0, 19], Gen.Int[0, 14], Gen.Int[1, 25], Gen.Int[1, 25]).Sample(
        (x, y, w, h) =>
        {
            var (right, bottom) = (Math.Min(x + w, 20), Math.Min(y + h, 15));
            var pixels = new bool[15 * 20];
            for (var row = y; row < bottom; row++)
            {
                Array.Fill(pixels, true, (row * 20) + x, right - x);
            }

            var expected = RunLengthMask.FromPixels(pixels, 15, 20);
            Assert.Equal(expected, RunLengthMask.FromBox(new(x, y, w, h), 15, 20));
            Assert.Equal(expected, RunLengthMask.FromPolygon([x, y, x + w, y, x + w, y + h, x, y + h], 15, 20));
            Assert.Equal(new CocoBox(x, y, right - x, bottom - y), expected.BoundingBox);
        },
        iter: 1000,
        threads: 1);

    [Fact]
    public void FromPolygons_TwoOfThem_HoldsWhatEitherHolds()
    {
        double[] left = [0, 0, 4, 0, 4, 6, 0, 6];
        double[] right = [3, 2, 9, 2, 9, 5, 3, 5];

        var mask = RunLengthMask.FromPolygons([left, right], 8, 10);

        Assert.Equal(24 + 18 - 3, mask.Area);
        Assert.Equal(RunLengthMask.FromPolygon(left, 8, 10).Union(RunLengthMask.FromPolygon(right, 8, 10)), mask);
    }

    [Fact]
    public void FromPolygon_FarBeyondThePicture_CostsWhatThePictureCosts()
        => Assert.Equal(30 * 24, RunLengthMask.FromPolygon([-1e8, -1e8, 1e8, -1e8, 1e8, 1e8, -1e8, 1e8], 24, 30).Area);

    [Fact]
    public void FromCounts_RunsOfNoPixels_AreJoined()
    {
        var mask = RunLengthMask.FromCounts([2, 3, 0, 1, 4, 0], 2, 5);

        Assert.Equal([2, 4, 4], mask.ToCounts());
        Assert.Equal(RunLengthMask.FromCounts([2, 4, 4], 2, 5), mask);
    }

    [Theory]
    [InlineData(new[] { 2, 3 }, "The 2 runs of the mask have 5 pixels together; expected 2 x 5 = 10.")]
    [InlineData(new int[0], "The 0 runs of the mask have 0 pixels together; expected 2 x 5 = 10.")]
    [InlineData(new[] { 2, 9 }, "The 2 runs of the mask have more pixels together; expected 2 x 5 = 10.")]
    [InlineData(new[] { 2, int.MaxValue, int.MaxValue, 12 }, "The 4 runs of the mask have more pixels together; expected 2 x 5 = 10.")]
    [InlineData(new[] { 2, -1, 9 }, "Run 1 of the mask is -1; expected a number of pixels from 0.")]
    public void FromCounts_RunsThatDoNotFit_Throws(int[] counts, string message)
        => Assert.StartsWith(message, Assert.Throws<ArgumentException>(() => RunLengthMask.FromCounts(counts, 2, 5)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("", "The 0 runs of the mask have 0 pixels together")]
    [InlineData("2", "The 1 runs of the mask have 2 pixels together")]
    [InlineData("22X", "The compressed mask ends within the number that begins at character 2")]
    [InlineData("2 2", "Character 1 of the compressed mask is U+0020; expected '0' to 'o'.")]
    [InlineData("2p", "Character 1 of the compressed mask is U+0070; expected '0' to 'o'.")]
    [InlineData("2\u00e9", "Character 1 of the compressed mask is U+00E9; expected '0' to 'o'.")]
    [InlineData("2O", "The compressed mask has a run of -1 pixels before character 2")]
    [InlineData("PPPPPPP0", "The number that begins at character 0 of the compressed mask has more than 7 characters")]
    public void FromCompressed_BrokenString_Throws(string text, string message)
        => Assert.StartsWith(message, Assert.Throws<ArgumentException>(() => RunLengthMask.FromCompressed(text, 2, 5)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(new[] { 1.0, 1, 3, 3 }, "The polygon has 4 numbers; expected an even number of at least 6")]
    [InlineData(new[] { 1.0, 1, 3, 3, 5, 1, 2 }, "The polygon has 7 numbers; expected an even number of at least 6")]
    [InlineData(new[] { 1.0, 1, 3, double.NaN, 5, 1 }, "Coordinate 3 of the polygon is NaN; expected a number of at most 200000000 beside 0.")]
    [InlineData(new[] { 1.0, 1, double.NegativeInfinity, 3, 5, 1 }, "Coordinate 2 of the polygon is -Infinity")]
    [InlineData(new[] { 1.0, 1, 3, 3, 5, 3e8 }, "Coordinate 5 of the polygon is 300000000")]
    public void FromPolygon_BrokenPolygon_Throws(double[] corners, string message)
        => Assert.StartsWith(message, Assert.Throws<ArgumentException>(() => RunLengthMask.FromPolygon(corners, 20, 20)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0, 5)]
    [InlineData(5, -1)]
    [InlineData(100_000, 100_000)]
    public void Creation_OfASizeThatNoMaskHas_Throws(int height, int width)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RunLengthMask.FromPixels(new byte[25], height, width));
        Assert.Throws<ArgumentOutOfRangeException>(() => RunLengthMask.FromCounts([25], height, width));
        Assert.Throws<ArgumentOutOfRangeException>(() => RunLengthMask.FromCompressed("i0", height, width));
        Assert.Throws<ArgumentOutOfRangeException>(() => RunLengthMask.FromBox(new(0, 0, 2, 2), height, width));
    }

    [Fact]
    public void Merging_MasksOfDifferentSizes_Throws()
    {
        var (a, b) = (RunLengthMask.FromCounts([10], 2, 5), RunLengthMask.FromCounts([10], 5, 2));

        Assert.StartsWith("The other mask has 5 x 2 pixels; expected 2 x 5, as this one.", Assert.Throws<ArgumentException>(() => a.Union(b)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => a.IntersectionOverUnion(b));
        Assert.NotEqual(a, b);
        Assert.Throws<ArgumentException>(() => RunLengthMask.FromPixels(new byte[9], 2, 5));
        Assert.Throws<ArgumentException>(() => RunLengthMask.FromPolygons([], 2, 5));
    }

    // As rleToBbox computes it.
    private static CocoBox BoxOf(int[] counts, int height)
    {
        var (left, top, right, bottom) = (int.MaxValue, int.MaxValue, -1, -1);
        for (int i = 0, position = 0; i < counts.Length; position += counts[i++])
        {
            if (i % 2 == 1)
            {
                var (x0, y0) = Math.DivRem(position, height);
                var (x1, y1) = Math.DivRem(position + counts[i] - 1, height);
                (left, right) = (Math.Min(left, x0), Math.Max(right, x1));
                (top, bottom) = x0 < x1 ? (0, height - 1) : (Math.Min(top, y0), Math.Max(bottom, y1));
            }
        }

        return right < 0 ? default : new(left, top, right - left + 1, bottom - top + 1);
    }

    private static byte[] Filled(int length, (byte Value, int Count)[] runs)
    {
        var pixels = new byte[length];
        var at = 0;
        for (var i = 0; i < runs.Length && at < length; i++)
        {
            var count = Math.Min(runs[i].Count, length - at);
            pixels.AsSpan(at, count).Fill(i % 2 == 0 ? (byte)0 : runs[i].Value);
            at += count;
        }

        return pixels;
    }
}
