using System.Text.Json;
using IsVit.Detection.Coco;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Detection.Coco;

/// <summary>Scores equal those of cocoapi.</summary>
public sealed class CocoOracleTests
{
    // As the oracle's description has it.
    private const double Tolerance = 1e-10;

    public static TheoryData<string, CocoOverlap> Sets => new(
        from name in new[] { "instances_val2014_100", "crowd", "area_borders", "absent_and_equal" }
        from overlap in Enum.GetValues<CocoOverlap>()
        select (name, overlap));

    [Theory]
    [MemberData(nameof(Sets))]
    public void Evaluate_OracleSet_GivesCocoapisScores(string name, CocoOverlap overlap)
    {
        var (dataset, results, expected) = Load(name, overlap);
        using var document = expected;
        var oracle = document.RootElement.GetProperty(overlap == CocoOverlap.Boxes ? "bbox" : "segm");

        var scores = CocoEvaluator.Evaluate(dataset, results, overlap);

        AssertEqual(oracle.GetProperty("stats").EnumerateArray().Select(static e => e.GetDouble()), scores.Summary.Select(static pair => pair.Value));
        Assert.Equal(["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"], scores.Summary.Select(static pair => pair.Key));
        AssertEqual(
            scores.Summary.Select(static pair => pair.Value),
            [scores.AP, scores.AP50, scores.AP75, scores.APs, scores.APm, scores.APl, scores.AR1, scores.AR10, scores.AR100, scores.ARs, scores.ARm, scores.ARl]);
        var perCategory = oracle.GetProperty("per_category").EnumerateObject().ToDictionary(static p => p.Name, static p => p.Value);
        Assert.Equal(perCategory.Keys.Order(StringComparer.Ordinal), scores.Categories.Select(static c => $"{c.Category.Id}").Order(StringComparer.Ordinal));
        Assert.All(scores.Categories, category => AssertEqual(
            new[] { "AP", "AP50", "AP75", "AR100" }.Select(key => perCategory[$"{category.Category.Id}"].GetProperty(key).GetDouble()),
            [category.AP, category.AP50, category.AP75, category.AR100]));
        Assert.Equal(oracle.GetProperty("iou_thresholds").EnumerateArray().Select(static e => e.GetDouble()), new CocoEvaluationOptions().IouThresholds);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void SavedAndReadAgain_OracleSet_HasTheSameScores(string name, CocoOverlap overlap)
    {
        var (dataset, results, expected) = Load(name, overlap);
        expected.Dispose();
        using var folder = new TemporaryFolder();

        dataset.Save(folder["dataset.json"]);
        CocoResults.Save(folder["results.json"], results);
        var again = CocoDataset.Read(folder["dataset.json"]);

        Assert.Equal(dataset.Images, again.Images);
        Assert.Equal(dataset.Categories, again.Categories);
        Assert.Equal(dataset.Annotations.Select(static a => a with { Segmentation = null }), again.Annotations.Select(static a => a with { Segmentation = null }));
        Assert.Equal(CocoEvaluator.Evaluate(dataset, results, overlap).Summary, CocoEvaluator.Evaluate(again, CocoResults.Read(folder["results.json"]), overlap).Summary);
    }

    private static (CocoDataset Dataset, IReadOnlyList<CocoResult> Results, JsonDocument Expected) Load(string name, CocoOverlap overlap)
    {
        string kind = overlap == CocoOverlap.Boxes ? "bbox" : "segm";
        var (truth, results) = name == "instances_val2014_100" ? ("instances_val2014_100.json", $"instances_val2014_fake{kind}100_results.json") : ($"{name}.gt.json", $"{name}.{kind}_results.json");
        return (CocoDataset.Read(Oracle(truth)), CocoResults.Read(Oracle(results)), JsonDocument.Parse(File.ReadAllBytes(Oracle($"{name}.expected.json"))));
    }

    private static string Oracle(string file) => SharedData.Oracle(Path.Combine("coco", file));

    private static void AssertEqual(IEnumerable<double> expected, IEnumerable<double> actual) => Assert.Equal(expected, actual, (a, b) => Math.Abs(a - b) <= Tolerance);
}
