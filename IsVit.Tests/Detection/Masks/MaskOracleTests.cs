using System.Text.Json;
using IsVit.Detection.Masks;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Detection.Masks;

/// <summary>Masks equal those of cocoapi's maskApi.c.</summary>
public sealed class MaskOracleTests
{
    [Fact]
    public void Masks_OfTheOracle_HaveItsRunsStringsAreasAndBoxes()
    {
        using var oracle = Read();
        foreach (var entry in oracle.RootElement.GetProperty("masks").EnumerateArray())
        {
            var (height, width) = Size(entry);
            var mask = RunLengthMask.FromPixels(entry.TryGetProperty("note", out _) ? TheOneWithAHole(height, width) : Pixels(entry.GetProperty("rows")), height, width);

            AssertEqual(entry, mask);
            Assert.Equal(mask, RunLengthMask.FromCompressed(entry.GetProperty("compressed").GetString(), height, width));
            if (entry.GetProperty("counts") is { ValueKind: JsonValueKind.Array } counts)
            {
                int[] runs = [.. counts.EnumerateArray().Select(static e => e.GetInt32())];
                Assert.Equal(runs, mask.ToCounts());
                Assert.Equal(mask, RunLengthMask.FromCounts(runs, height, width));
            }
        }
    }

    [Fact]
    public void Polygons_OfTheOracle_AreDrawnEqually()
    {
        using var oracle = Read();
        foreach (var entry in oracle.RootElement.GetProperty("polygons").EnumerateArray())
        {
            var mask = Polygon(entry);

            AssertEqual(entry, mask);
            Assert.Equal(Pixels(entry.GetProperty("rows")), mask.ToPixels());
        }
    }

    [Fact]
    public void Overlaps_OfTheOracle_AreEqual()
    {
        using var oracle = Read();
        var polygons = Polygons(oracle);
        var tested = 0;
        foreach (var entry in oracle.RootElement.GetProperty("iou").EnumerateArray())
        {
            bool[] crowds = [.. entry.GetProperty("iscrowd").EnumerateArray().Select(static e => e.GetInt32() != 0)];
            bool areBoxes = entry.GetProperty("kind").GetString() == "bbox";
            var ious = entry.GetProperty("iou");
            for (var d = 0; d < ious.GetArrayLength(); d++)
            {
                for (var g = 0; g < crowds.Length; g++)
                {
                    // Of the polygons, each with each.
                    var iou = areBoxes
                        ? Box(entry.GetProperty("detections")[d]).IntersectionOverUnion(Box(entry.GetProperty("ground_truth")[g]), crowds[g])
                        : polygons[d].IntersectionOverUnion(polygons[g], crowds[g]);
                    Assert.Equal(ious[d][g].GetDouble(), iou, 1e-12);
                    tested++;
                }
            }
        }

        Assert.True(tested > 50, $"only {tested} overlaps.");
    }

    [Fact]
    public void Merges_OfTheOracle_AreEqual()
    {
        using var oracle = Read();
        var polygons = Polygons(oracle);
        foreach (var entry in oracle.RootElement.GetProperty("merge").EnumerateArray())
        {
            bool intersects = entry.GetProperty("intersect").GetInt32() != 0;

            var merged = entry.GetProperty("polygons").EnumerateArray().Select(e => polygons[e.GetInt32()]).Aggregate((a, b) => intersects ? a.Intersection(b) : a.Union(b));

            Assert.Equal(entry.GetProperty("compressed").GetString(), merged.ToCompressed());
            Assert.Equal(entry.GetProperty("area").GetInt32(), merged.Area);
        }
    }

    private static JsonDocument Read() => JsonDocument.Parse(File.ReadAllBytes(SharedData.Oracle(Path.Combine("coco", "mask_ops.json"))));

    private static RunLengthMask[] Polygons(JsonDocument oracle) => [.. oracle.RootElement.GetProperty("polygons").EnumerateArray().Select(Polygon)];

    private static RunLengthMask Polygon(JsonElement entry)
    {
        var (height, width) = Size(entry);
        double[][] polygons = [.. entry.GetProperty("polygon").EnumerateArray().Select(static polygon => polygon.EnumerateArray().Select(static e => e.GetDouble()).ToArray())];
        return RunLengthMask.FromPolygons(polygons, height, width);
    }

    private static void AssertEqual(JsonElement expected, RunLengthMask mask)
    {
        Assert.Equal(expected.GetProperty("compressed").GetString(), mask.ToCompressed());
        Assert.Equal(expected.GetProperty("area").GetInt32(), mask.Area);
        Assert.Equal(Box(expected.GetProperty("bbox")), mask.BoundingBox);
    }

    private static CocoBox Box(JsonElement numbers) => new(numbers[0].GetDouble(), numbers[1].GetDouble(), numbers[2].GetDouble(), numbers[3].GetDouble());

    private static (int Height, int Width) Size(JsonElement entry) => (entry.GetProperty("size")[0].GetInt32(), entry.GetProperty("size")[1].GetInt32());

    private static byte[] Pixels(JsonElement rows) => [.. rows.EnumerateArray().SelectMany(static row => row.GetString()!).Select(static c => (byte)(c - '0'))];

    // Too large for rows in the file; described there.
    private static byte[] TheOneWithAHole(int height, int width)
    {
        var pixels = new byte[height * width];
        for (var y = 3; y <= 379; y++)
        {
            for (var x = 10; x <= 289; x++)
            {
                pixels[(y * width) + x] = y is >= 100 and <= 199 && x is >= 50 and <= 59 ? (byte)0 : (byte)1;
            }
        }

        return pixels;
    }
}
