using System.Text;
using IsVit.Core.Imaging;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Imaging;

public sealed class ImageListingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ImageFolder_MixedFiles_ListsImagesInOrdinalOrder()
    {
        Touch("b.JPG", "a.png", "B.jpeg", "c10.webp", "c2.bmp", "notes.txt", ".hidden.jpg", "sub/d.jpg");

        var flat = ImageFolder.Read(_folder.Path);
        var deep = ImageFolder.Read(_folder.Path, recursive: true);

        Assert.Equal(["B.jpeg", "a.png", "b.JPG", "c10.webp", "c2.bmp"], Names(flat));
        Assert.Equal(["B.jpeg", "a.png", "b.JPG", "c10.webp", "c2.bmp", "sub/d.jpg"], Names(deep));
        Assert.False(flat.HasLabels);
        Assert.Empty(flat.ClassNames);
    }

    [Fact]
    public void ImageFolder_MissingEmptyOrFile_SaysWhich()
    {
        Touch("sub/d.jpg", "file.jpg");
        File.Delete(Path.Combine(_folder.Path, "file.jpg"));
        var missing = Path.Combine(_folder.Path, "absent");
        var image = Path.Combine(_folder.Path, "sub", "d.jpg");

        Assert.Equal($"'{missing}': no such folder.", Message(() => ImageFolder.Read(missing)));
        Assert.Equal($"'{image}': expected a folder; this is a file.", Message(() => ImageFolder.Read(image)));
        Assert.Equal(
            $"'{_folder.Path}': the folder holds no image file (.jpg, .jpeg, .png, .bmp, .webp); subfolders were not searched.",
            Message(() => ImageFolder.Read(_folder.Path)));
    }

    [Fact]
    public void ClassFolder_Tree_LabelsBySortedFolderName()
    {
        Touch("zebra/1.jpg", "ant/2.jpg", "ant/deep/1.jpg", "Bee/x.png", ".git/y.png", "readme.md");
        Directory.CreateDirectory(Path.Combine(_folder.Path, "cat"));

        var list = ClassFolder.Read(_folder.Path);

        Assert.Equal(["Bee", "ant", "cat", "zebra"], list.ClassNames);
        Assert.Equal(["Bee/x.png", "ant/2.jpg", "ant/deep/1.jpg", "zebra/1.jpg"], Names(list));
        Assert.Equal([0, 1, 1, 3], list.Select(item => item.Label!.Value));
        Assert.True(list.HasLabels);
    }

    [Theory]
    [InlineData(null, new[] { 0, 1, 2, 3 })]
    [InlineData(4, new[] { 0, 1, 2, 3 })]
    [InlineData(12, new[] { 1, 2, 10, 11 })]
    public void ClassFolder_NumberedFolders_LabelsByNumber(int? classCount, int[] labels)
    {
        Touch("10/c.jpg", "2/b.jpg", "1/a.jpg", "11/d.jpg");

        var list = ClassFolder.Read(_folder.Path, classCount);

        Assert.Equal(["1/a.jpg", "2/b.jpg", "10/c.jpg", "11/d.jpg"], Names(list));
        Assert.Equal(labels, list.Select(item => item.Label!.Value));
        Assert.Equal(["1", "2", "10", "11"], labels.Select(label => list.ClassNames[label]));
    }

    [Fact]
    public void ClassFolder_SomeOfImageNetsClasses_LabelsByTheirIds()
    {
        Touch("n02123045/tabby.jpg", "n01440764/tench.jpg", "n15075141/tissue.jpg", "__MACOSX/n01440764/._tench.jpg");

        var list = ClassFolder.Read(_folder.Path, 1000);

        Assert.Equal([("n01440764/tench.jpg", 0), ("n02123045/tabby.jpg", 281), ("n15075141/tissue.jpg", 999)], Names(list).Zip(list.Select(static item => item.Label!.Value)));
        Assert.Equal("n02123045", list.ClassNames[281]);
    }

    /// <summary>A folder's place is its label only among all classes.</summary>
    [Fact]
    public void ClassFolder_FoldersThatAreNotTheModelsClasses_SaysWhich()
    {
        Touch("ant/1.jpg", "bee/1.jpg");
        Assert.EndsWith("has 2 class folders ('ant' to 'bee'), and the model 1000 classes, so that their places do not tell which of them they are. Give one folder a class, name folders by number or WordNet id (n01440764), or give a CSV of labels.", Message(() => ClassFolder.Read(_folder.Path, 1000)), StringComparison.Ordinal);
        Assert.Equal([0, 1], ClassFolder.Read(_folder.Path, 2).Select(static item => item.Label!.Value));

        Touch("n01440764/1.jpg");
        Assert.StartsWith($"'{Path.Combine(_folder.Path, "ant")}': is no class of ImageNet", Message(() => ClassFolder.Read(_folder.Path, 1000)), StringComparison.Ordinal);
    }

    [Fact]
    public void ClassFolder_NumberBeyondTheModelsClasses_SaysWhich()
    {
        Touch("3/a.jpg", "12/b.jpg");

        Assert.Equal($"'{Path.Combine(_folder.Path, "12")}': is a class folder of number 12; the model has 12 classes (0 to 11).", Message(() => ClassFolder.Read(_folder.Path, 12)));
    }

    [Fact]
    public void ImageNetSynsets_AreThoseOfTheCalibrationImagesInTheirOrder()
    {
        Assert.Equal(Directory.GetFiles(SharedData.CalibrationImages).Select(static path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal).Select(static name => name[(name.IndexOf('_', StringComparison.Ordinal) + 1)..]), ImageNetSynsets.All);
    }

    [Fact]
    public void ClassFolder_NoClassesOrNoImages_SaysWhich()
    {
        Assert.EndsWith("has no subfolder; expected one a class.", Message(() => ClassFolder.Read(_folder.Path)), StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(_folder.Path, "cat"));
        Assert.EndsWith("none of the 1 class folders holds an image file.", Message(() => ClassFolder.Read(_folder.Path)), StringComparison.Ordinal);
        Assert.EndsWith("no such folder.", Message(() => ClassFolder.Read(_folder.Path + "x")), StringComparison.Ordinal);
    }

    [Fact]
    public void LabelCsv_QuotesOtherColumnsAndOrder_AreRead()
    {
        Touch("images/a,1.jpg", "images/b \"x\".jpg");
        var csv = Csv("\uFEFFauthor,Label , file\r\n\"A, \"\"B\"\"\nC\",7,\"a,1.jpg\"\r\n\r\nD, 0 ,\"b \"\"x\"\".jpg\"");

        var list = LabelCsv.Read(csv, Path.Combine(_folder.Path, "images"));

        Assert.Equal(["images/a,1.jpg", "images/b \"x\".jpg"], Names(list));
        Assert.Equal([7, 0], list.Select(item => item.Label!.Value));
    }

    [Fact]
    public void LabelCsv_FolderNotGiven_IsThatOfTheFile()
    {
        Touch("a.jpg");
        Assert.Equal([new ImageItem(Path.Combine(_folder.Path, "a.jpg"), 3)], LabelCsv.Read(Csv("name,class\na.jpg,3"), fileColumn: "name", labelColumn: "class"));
    }

    [Theory]
    [InlineData("", "the file is empty; expected a first line with the columns 'file' and 'label'.")]
    [InlineData("file,label\n", "the file names no image: there is no row below the column names.")]
    [InlineData("name,label\na.jpg,1", "no column 'file' in the first line; its columns are 'name', 'label'.")]
    [InlineData("file;label\na.jpg;1", "no column 'file' in the first line; its columns are 'file;label'.")]
    [InlineData("file\na.jpg", "no column 'label' in the first line; its columns are 'file'.")]
    [InlineData("file,label\na.jpg,1\na.jpg", "line 3 has 1 column(s); expected at least 2.")]
    [InlineData("file,label\na.jpg,1\n,2", "line 3 has no file name.")]
    [InlineData("file,label\na.jpg,cat", "line 2, 'a.jpg': the label is 'cat'; expected a whole number from 0.")]
    [InlineData("file,label\na.jpg,-1", "line 2, 'a.jpg': the label is '-1'; expected a whole number from 0.")]
    [InlineData("file,label\na.jpg,1.5", "line 2, 'a.jpg': the label is '1.5'; expected a whole number from 0.")]
    [InlineData("file,label\na.jpg,99999999999", "line 2, 'a.jpg': the label is '99999999999'; expected a whole number from 0.")]
    [InlineData("file,label\n\"a.jpg,1\n", "the quote opened on line 2 is not closed.")]
    public void LabelCsv_BadContent_NamesTheLine(string content, string reason)
    {
        Touch("a.jpg");
        var csv = Csv(content);
        Assert.Equal($"'{csv}': {reason}", Message(() => LabelCsv.Read(csv)));
    }

    [Fact]
    public void LabelCsv_RowNamesAMissingFile_NamesLineFileAndFolder()
    {
        Touch("a.jpg");
        var csv = Csv("file,label\n\"a.jpg\",1\nb.jpg,2");
        Assert.Equal($"'{csv}': line 3 names 'b.jpg'; there is no such file in '{_folder.Path}'.", Message(() => LabelCsv.Read(csv)));
    }

    [Fact]
    public void LabelCsv_MissingFileOrFolder_SaysWhich()
    {
        var csv = Path.Combine(_folder.Path, "absent.csv");
        Assert.Equal($"'{csv}': no such file.", Message(() => LabelCsv.Read(csv)));
        Assert.Contains("no such folder", Message(() => LabelCsv.Read(csv, Path.Combine(_folder.Path, "absent"))), StringComparison.Ordinal);
    }

    [Fact]
    public void LabelCsv_ImageNetTestSet_HasFiveHundredLabelledImages()
    {
        var list = LabelCsv.Read(SharedData.Labels);
        Assert.Equal(500, list.Count);
        Assert.Equal(("000b7d55b6184b08.jpg", 388), (Path.GetFileName(list[0].Path), list[0].Label!.Value));
        Assert.All(list, item => Assert.InRange(item.Label!.Value, 0, 999));
    }

    private static string Message(Action action) => Assert.Throws<ImageException>(action).Message;

    private IEnumerable<string> Names(ImageList list) => list.Select(item => Path.GetRelativePath(_folder.Path, item.Path).Replace('\\', '/'));

    private string Csv(string content) => _folder.File("labels.csv", Encoding.UTF8.GetBytes(content));

    private void Touch(params string[] names)
    {
        foreach (var name in names)
        {
            _folder.File(name, []);
        }
    }
}
