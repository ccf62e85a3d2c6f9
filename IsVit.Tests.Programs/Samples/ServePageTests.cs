using IsVit.Onnx;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Demo;

namespace IsVit.Tests.Programs.Samples;

/// <summary>The page of samples/Serve in a real browser, over a service with both models.</summary>
public sealed class ServePageTests
{
    [Fact]
    public async Task Page_PictureChosenAndDropped_ShowsTheAnswersOfBothModelsAtEveryWidth()
    {
        Assert.SkipWhen(Browser.Program is null, "None of chromium, chromium-browser and google-chrome is on the PATH.");
        using var saved = new SavedFashion();
        using var folder = new TemporaryFolder();
        using (var model = DemoAssets.Load(DemoAssets.DefaultFolder).LoadModel(DemoModel.Find(IsVit.Core.Models.ModelCatalog.Demo)))
        {
            OnnxExport.Save(model, folder["float.onnx"]);
        }

        await using var service = await ServedFashion.Start(saved.Path, "--float", folder["float.onnx"]);
        using var client = ServedFashion.ClientOf(service);
        await using var browser = await Browser.Open(client.BaseAddress!);
        await browser.Until("!document.getElementById('float').hidden");
        Assert.Contains("10 classes", (string)(await browser.Evaluate("document.getElementById('about').textContent"))!, StringComparison.Ordinal);
        Assert.Empty(browser.Complaints);

        await browser.Choose("#file", folder.File("one.png", saved.Png(0)));
        await Shows(browser, saved.Label(0));
        Assert.Equal("one.png", (string)(await browser.Evaluate("document.getElementById('hint').textContent"))!);
        Assert.Equal(28, (int)(await browser.Evaluate("document.getElementById('picture').decode().then(() => document.getElementById('picture').naturalWidth)"))!);

        await browser.Drop("#drop", folder.File("two.png", saved.Png(3)));
        await browser.Until("document.getElementById('hint').textContent === 'two.png'");
        await Shows(browser, saved.Label(3));
        Assert.NotEqual(saved.Label(0), saved.Label(3));
        await browser.Choose("#file", folder.File("a-long-name-without-a-blank-in-it-that-is-wider-than-the-field-it-stands-in.png", saved.Png(1)));
        await Shows(browser, saved.Label(1));
        foreach (var width in (int[])[320, 700, 1400])
        {
            await browser.Resize(width, 800);
            Assert.Equal(width, (int)(await browser.Evaluate("document.documentElement.scrollWidth"))!);
            Assert.Equal(width == 320 || width == 700, (bool)(await browser.Evaluate("document.getElementById('drop').getBoundingClientRect().bottom <= document.getElementById('quantized').getBoundingClientRect().top"))!);
        }

        await browser.Drop("#drop", folder.File("three.png", "no image"u8));
        await browser.Until("document.getElementById('error').textContent !== ''");
        Assert.Contains("not a JPEG", (string)(await browser.Evaluate("document.getElementById('error').textContent"))!, StringComparison.Ordinal);
        Assert.Equal(0, (int)(await browser.Evaluate("document.querySelectorAll('li').length"))!);
    }

    private static async Task Shows(Browser browser, int label)
    {
        foreach (var model in (string[])["quantized", "float"])
        {
            await browser.Until($"document.querySelectorAll('#{model} li').length === 5");
            Assert.Equal(IsVit.Tool.Data.FashionMnist.Classes[label], (string)(await browser.Evaluate($"document.querySelector('#{model} li span').textContent"))!);
            Assert.EndsWith(" ms", (string)(await browser.Evaluate($"document.querySelector('#{model} .big').textContent"))!, StringComparison.Ordinal);
            Assert.InRange((double)(await browser.Evaluate($"parseFloat(document.querySelector('#{model} .fill').style.width)"))!, 10, 100);
        }
    }
}
