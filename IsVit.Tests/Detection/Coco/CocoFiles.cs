using System.Text;
using IsVit.Detection.Coco;

namespace IsVit.Tests.Detection.Coco;

/// <summary>COCO files that a test writes as text.</summary>
internal static class CocoFiles
{
    /// <summary>A picture of 100 x 80 with the id 1, a class with the id 1, and annotations; ' stands for ".</summary>
    public static CocoDataset WithAnnotations(string annotations)
        => Dataset("{'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 100, 'height': 80}], 'categories': [{'id': 1, 'name': 'cat'}], 'annotations': [" + annotations + "]}");

    public static CocoDataset Dataset(string json) => CocoDataset.Read(Stream(json));

    public static IReadOnlyList<CocoResult> Results(string json) => CocoResults.Read(Stream(json));

    public static MemoryStream Stream(string json) => new(Encoding.UTF8.GetBytes(json.Replace('\'', '"')));
}
