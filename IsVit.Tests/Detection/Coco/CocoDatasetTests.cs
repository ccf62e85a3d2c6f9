using System.Text;
using IsVit.Detection.Coco;
using IsVit.Detection.Masks;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Detection.Coco;

public sealed class CocoDatasetTests
{
    private const string Head = "{'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 100, 'height': 80}], 'categories': [{'id': 1, 'name': 'cat'}], 'annotations': ";

    [Fact]
    public void Read_EveryKindOfSegmentation_GivesWhatStandsThere()
    {
        var dataset = CocoFiles.Dataset(
            """
            {'info': {'year': [2017]}, 'annotations': [
              {'segmentation': [[1, 2, 11.5, 2, 11.5, 9], [20, 20, 30, 20, 30, 30]], 'keypoints': [1, {'a': 2}], 'area': 77.25, 'iscrowd': 0, 'image_id': 7, 'bbox': [1, 2, 3.5, 4e0], 'category_id': 90, 'id': 3},
              {'id': 4, 'image_id': 7.0, 'category_id': 90, 'bbox': [0, 0, 2, 2], 'area': 4, 'iscrowd': 1, 'segmentation': {'size': [2, 3], 'counts': [1, 2, 3]}},
              {'id': 5, 'image_id': 7, 'category_id': 90, 'bbox': [0, 0, 2, 2], 'area': 4, 'segmentation': {'counts': '123', 'size': [2, 3]}},
              {'id': 6, 'image_id': 7, 'category_id': 90, 'bbox': [0, 0, 2, 2], 'area': 4, 'iscrowd': false, 'segmentation': []},
              {'id': 8, 'image_id': 7, 'category_id': 90, 'bbox': [0, 0, 2, 2], 'area': 4, 'segmentation': null}],
             'categories': [{'id': 90, 'name': 'toothbrush', 'supercategory': 'indoor'}], 'images': [{'license': 3, 'id': 7, 'file_name': '7.jpg', 'width': 3, 'height': 2}]}
            """);

        Assert.Equal([new CocoImage(7, "7.jpg", 3, 2)], dataset.Images);
        Assert.Equal([new CocoCategory(90, "toothbrush", "indoor")], dataset.Categories);
        Assert.Equal([3, 4, 5, 6, 8], dataset.Annotations.Select(static a => a.Id));
        Assert.Equal([false, true, false, false, false], dataset.Annotations.Select(static a => a.IsCrowd));
        Assert.Equal((new CocoBox(1, 2, 3.5, 4), 77.25, 7, 90), (dataset.Annotations[0].Box, dataset.Annotations[0].Area, dataset.Annotations[0].ImageId, dataset.Annotations[0].CategoryId));
        Assert.Equal([[1, 2, 11.5, 2, 11.5, 9], [20, 20, 30, 20, 30, 30]], dataset.Annotations[0].Segmentation!.Polygons!);
        var mask = RunLengthMask.FromCounts([1, 2, 3], 2, 3);
        Assert.Equal([mask, mask], dataset.Annotations.Skip(1).Take(2).Select(static a => a.Segmentation!.Mask));
        Assert.All(dataset.Annotations.Skip(3), static a => Assert.Null(a.Segmentation));
        Assert.Empty(dataset.Warnings);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(23)]
    [InlineData(1000)]
    public void Read_ThroughABufferOfAnySize_GivesTheSame(int bufferSize)
    {
        var json = "\uFEFF" + Head.Replace("a.jpg", new string('x', 300), StringComparison.Ordinal) + "[{'id': 1, 'image_id': 1, 'category_id': 1, 'area': 6, 'bbox': [1, 2, 3, 4], 'segmentation': [[1, 2, 3, 4, 5, 6.125]]}]}";

        var dataset = CocoReader.Dataset(CocoFiles.Stream(json), null, bufferSize);

        Assert.Equal(new string('x', 300), dataset.Images[0].FileName);
        Assert.Equal([[1, 2, 3, 4, 5, 6.125]], dataset.Annotations[0].Segmentation!.Polygons!);
    }

    [Theory]
    [InlineData("{'id': 1, 'image_id': 9, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': 12}", "annotations of an image that is not listed")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 9, 'bbox': [1, 2, 3, 4], 'area': 12}", "annotations of a category that is not listed")]
    [InlineData("{'id': 0, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': 12}", "annotations with the id 0")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 0, 4], 'area': 12}", "boxes with a side that is 0 or negative")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, -4], 'area': 12}", "boxes with a side that is 0 or negative")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': 0}", "annotations with area 0")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': -1}", "annotations with a negative area")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4]}", "annotations without area; that of the bbox is taken")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'area': 9, 'segmentation': [[1, 1, 4, 1, 4, 4, 1, 4]]}", "annotations without bbox; that of the mask is taken")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': 12, 'segmentation': [[1, 1, 4, 1, 4, 4, 1]]}", "segmentations with a polygon of an odd number of coordinates")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': 12, 'segmentation': [[1, 1, 4, 1, 4, 4], [1, 2, 3, 4]]}", "segmentations with a polygon of less than three corners")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': 12, 'segmentation': [1, 1, 4, 1, 4, 4]}", "segmentations that are numbers instead of lists")]
    [InlineData("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'area': 12, 'segmentation': {'size': [2, 3], 'counts': [6]}}", "masks of another size than their image")]
    public void Read_WhatPycocotoolsEvaluates_WarnsWithCountAndIds(string annotation, string what)
    {
        var second = annotation.Replace("'id': 1,", "'id': 77,", StringComparison.Ordinal);

        var dataset = CocoFiles.WithAnnotations(second == annotation ? annotation : $"{annotation}, {second}");

        var warning = Assert.Single(dataset.Warnings);
        Assert.StartsWith(what, warning.What, StringComparison.Ordinal);
        Assert.Equal(dataset.Annotations.Select(static a => a.Id), warning.FirstIds);
        Assert.Equal(dataset.Annotations.Count, warning.Count);
        CocoEvaluator.Evaluate(dataset, [], CocoOverlap.Boxes);
    }

    [Fact]
    public void Read_AbsentAreaOrBox_ComesFromTheOther()
    {
        var dataset = CocoFiles.WithAnnotations("{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4.5]}, {'id': 2, 'image_id': 1, 'category_id': 1, 'segmentation': [[1, 2, 5, 2, 5, 5, 1, 5]]}");

        Assert.Equal(13.5, dataset.Annotations[0].Area);
        Assert.Equal((new CocoBox(1, 2, 4, 3), 12), (dataset.Annotations[1].Box, dataset.Annotations[1].Area));
    }

    [Fact]
    public void Read_RepeatedImagesAndCategories_TakesTheLastAndWarns()
    {
        var dataset = CocoFiles.Dataset("{'images': [{'id': 1, 'width': 5, 'height': 6}, {'id': 1, 'width': 7, 'height': 8}, {'id': 2}], 'categories': [{'id': 1, 'name': 'a'}, {'id': 1, 'name': 'b'}], 'annotations': []}");

        Assert.Equal("b", Assert.Single(CocoEvaluator.Evaluate(dataset, [], CocoOverlap.Boxes).Categories).Category.Name);
        Assert.Equal(
            [
                "1 x images without width and height; polygons in them cannot be made masks (2)",
                "1 x images with the id of another; the last one counts (1)",
                "1 x categories with the id of another; the last one counts (1)",
            ],
            dataset.Warnings.Select(static w => w.ToString()));
    }

    [Theory]
    [InlineData("", "expected JSON, found something else: ")]
    [InlineData("[]", "expected an object with images, categories and annotations (a file of results is an array), found an array.")]
    [InlineData("{'images': [], 'annotations': []}", "expected categories in the file, found ")]
    [InlineData("{'categories': [], 'annotations': []}", "expected images in the file, found ")]
    [InlineData("{'images': 3}", "expected an array as images, found the number 3.")]
    [InlineData("{'images': [3]}", "images[0]: expected an object, found the number 3.")]
    [InlineData("{'images': [{'id': 'x'}]}", "images[0]: expected a whole number as id, found the text 'x'.")]
    [InlineData("{'images': [{'width': 5, 'height': 5}]}", "images[0]: expected a number as id, found none.")]
    [InlineData("{'images': [{'id': 3, 'width': 1.5}]}", "image 3: expected a whole number as width, found the number 1.5.")]
    [InlineData("{'categories': [{'name': 'x'}]}", "categories[0]: expected a number as id, found none.")]
    [InlineData(Head + "[]} x", "expected JSON, found something else: ")]
    [InlineData(Head + "[{'id': 1,", "expected JSON, found something else: ")]
    [InlineData(Head + "[{'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4]}]}", "annotations[0]: expected a number as id, found none.")]
    [InlineData(Head + "[{'id': 5, 'category_id': 1, 'bbox': [1, 2, 3, 4]}]}", "annotation 5: expected a number as image_id, found none.")]
    [InlineData(Head + "[{'id': 5, 'image_id': 1, 'bbox': [1, 2, 3, 4]}]}", "annotation 5: expected a number as category_id, found none.")]
    [InlineData(Head + "[{'id': 5, 'image_id': 1, 'category_id': 1}]}", "annotation 5: expected a bbox, or a segmentation to take it from, found none.")]
    [InlineData(Head + "[{'bbox': [1, [2, {'a': 3}], 3], 'area': 4, 'id': 5}]}", "annotation 5: expected a number as an element of bbox, found an array.")]
    [InlineData(Head + "[{'bbox': [1, 2, 3], 'id': 5}]}", "annotation 5: expected x, y, width and height in bbox, found the end of the array.")]
    [InlineData(Head + "[{'bbox': [1, 2, 3, 1e999], 'id': 5}]}", "annotation 5: expected a number of at most 1.8e308 as an element of bbox, found the number 1e999.")]
    [InlineData(Head + "[{'area': NaN, 'id': 5}]}", "expected JSON, found something else: ")]
    [InlineData(Head + "[{'segmentation': 'x', 'id': 5}]}", "annotation 5: expected polygons or a mask as segmentation, found the text 'x'.")]
    [InlineData(Head + "[{'segmentation': [['x']], 'id': 5}]}", "annotation 5: expected a number as an element of a polygon, found the text 'x'.")]
    [InlineData(Head + "[{'segmentation': {'counts': [1]}, 'id': 5}]}", "annotation 5: expected size and counts in the mask, found ")]
    [InlineData(Head + "[{'segmentation': {'size': [0, 2], 'counts': [1]}, 'id': 5}]}", "annotation 5: expected a height and a width from 1 as size of the mask, found ")]
    [InlineData(Head + "[{'segmentation': {'size': [2, 2], 'counts': [1, -1]}, 'id': 5}]}", "annotation 5: expected a run of the mask from 0, found the number -1.")]
    [InlineData(Head + "[{'segmentation': {'size': [2, 2], 'counts': [1, 2]}, 'image_id': 1, 'category_id': 1, 'id': 5}]}", "annotation 5: The 2 runs of the mask have 3 pixels together; expected 2 x 2 = 4.")]
    [InlineData(Head + "[{'segmentation': {'size': [2, 2], 'counts': '1X'}, 'image_id': 1, 'category_id': 1, 'id': 5}]}", "annotation 5: The compressed mask ends within the number that begins at character 1; expected its last group of bits.")]
    [InlineData(Head + "[{'id': 5, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4]}, {'id': 5, 'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4]}]}", "annotation 5: expected an id that no other annotation has, found two with it.")]
    public void Read_BrokenFile_NamesFileEntryAndWhatIsWrong(string json, string problem)
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("broken.json", Encoding.UTF8.GetBytes(json.Replace('\'', '"')));

        var error = Assert.Throws<CocoException>(() => CocoDataset.Read(path));

        Assert.StartsWith($"{path}: {problem}", error.Message.Replace('"', '\''), StringComparison.Ordinal);
        Assert.Equal(path, error.FilePath);
        Assert.Equal(problem.StartsWith("annotation 5", StringComparison.Ordinal) ? 5 : null, error.AnnotationId);
    }

    [Theory]
    [InlineData("{}", "expected an array of results, found an object.")]
    [InlineData("[{'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4]}]", "result 1: expected a score, found none.")]
    [InlineData("[{'image_id': 1, 'category_id': 1, 'score': 1}]", "result 1: expected a bbox or a segmentation, found neither.")]
    [InlineData("[{'image_id': 1, 'category_id': 1, 'score': 'x', 'bbox': [1, 2, 3, 4]}]", "result 1: expected a number as score, found the text 'x'.")]
    [InlineData("[{'image_id': 1, 'category_id': 1, 'score': 1, 'segmentation': {'size': [2, 2], 'counts': '3'}}]", "result 1: The 1 runs of the mask have 3 pixels together; expected 2 x 2 = 4.")]
    public void ReadResults_BrokenFile_NamesTheResult(string json, string problem)
        => Assert.StartsWith(problem, Assert.Throws<CocoException>(() => CocoFiles.Results(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_FileThatIsAbsent_Throws()
    {
        Assert.Equal("absent.json: expected a file that can be read, found none.", Assert.Throws<CocoException>(() => CocoDataset.Read("absent.json")).Message);
        Assert.Equal("absent.json", Assert.Throws<CocoException>(() => CocoResults.Read("absent.json")).FilePath);
    }

    [Fact]
    public void Dataset_MadeInMemory_IsCheckedAndSaved()
    {
        CocoImage[] images = [new(1, "a \"b\" \u00e9.png", 20, 10)];
        CocoCategory[] categories = [new(2, "disc")];
        var annotation = new CocoAnnotation(1, 1, 2, new(0.1, 2, 3, 4), 12.5, Segmentation: new(RunLengthMask.FromBox(new(0, 2, 3, 4), 10, 20)));
        using var folder = new TemporaryFolder();

        new CocoDataset(images, categories, [annotation]).Save(folder["made.json"]);
        var read = CocoDataset.Read(folder["made.json"]);

        Assert.Equal(images, read.Images);
        Assert.Equal(categories, read.Categories);
        Assert.Equal((annotation.Box, annotation.Area, annotation.Segmentation!.Mask), (read.Annotations[0].Box, read.Annotations[0].Area, read.Annotations[0].Segmentation!.Mask));
        Assert.Equal(["made.json"], folder.Entries);
        Assert.Equal(1, Assert.Throws<CocoException>(() => new CocoDataset(images, categories, [annotation, annotation])).AnnotationId);
        Assert.StartsWith("annotation 1: expected finite numbers as box and area, found [0.1, 2, 3, 4] and NaN.", Assert.Throws<CocoException>(() => new CocoDataset(images, categories, [annotation with { Area = double.NaN }])).Message, StringComparison.Ordinal);
        Assert.Contains("Entry 0 is null", Assert.Throws<ArgumentException>(() => new CocoDataset([null!], categories, [])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new CocoSegmentation([]));
        Assert.Throws<ArgumentException>(() => new CocoSegmentation([[0, 1, 2, double.NaN, 4, 5]]));
        Assert.StartsWith("result 1: expected a finite score and box", Assert.Throws<CocoException>(() => CocoResults.Save(folder["r.json"], [new(1, 2, double.NaN, annotation.Box)])).Message, StringComparison.Ordinal);
    }
}
