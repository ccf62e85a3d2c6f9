using System.Net.Http.Json;
using System.Text.Json;
using IsVit.Onnx;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Demo;
using Serve;

namespace IsVit.Tests.Programs.Samples;

/// <summary>The page of samples/Serve in a real browser, over a service with both models.</summary>
[Collection(typeof(ServedFashionGroup))]
public sealed class ServePageTests(ServedFashion served)
{
    [Fact]
    public async Task Page_PictureChosenAndDropped_ShowsTheAnswersOfBothModelsAtEveryWidth()
    {
        Assert.SkipWhen(Browser.Program is null, "None of chromium, chromium-browser and google-chrome is on the PATH.");
        using var folder = new TemporaryFolder();
        using (var model = DemoAssets.Load(DemoAssets.DefaultFolder).LoadModel(DemoModel.Find(IsVit.Core.Models.ModelCatalog.Demo)))
        {
            OnnxExport.Save(model, folder["float.onnx"]);
        }

        await using var service = await ServedFashion.Start(served.Saved.Path, "--float", folder["float.onnx"]);
        using var client = ServedFashion.ClientOf(service);
        await using var browser = await Browser.Open(client.BaseAddress!);
        await browser.Until("!document.getElementById('float').hidden");
        Assert.Contains("10 classes", (string)(await browser.Evaluate("document.getElementById('about').textContent"))!, StringComparison.Ordinal);
        Assert.Empty(browser.Complaints);

        await browser.Choose("#file", folder.File("one.png", served.Saved.Png(0)));
        var first = await Shows(browser, client, served.Saved.Png(0));
        Assert.Equal("one.png", (string)(await browser.Evaluate("document.getElementById('hint').textContent"))!);
        Assert.Equal(28, (int)(await browser.Evaluate("document.getElementById('picture').decode().then(() => document.getElementById('picture').naturalWidth)"))!);

        await browser.Drop("#drop", folder.File("two.png", served.Saved.Png(3)));
        await browser.Until("document.getElementById('hint').textContent === 'two.png'");
        var second = await Shows(browser, client, served.Saved.Png(3));
        Assert.NotEqual(first, second);
        await browser.Choose("#file", folder.File("a-long-name-without-a-blank-in-it-that-is-wider-than-the-field-it-stands-in.png", served.Saved.Png(1)));
        await Shows(browser, client, served.Saved.Png(1));
        foreach (var width in (int[])[320, 700, 1400])
        {
            await browser.Resize(width, 800);
            Assert.Equal(0, (int)(await browser.Evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))!);
            Assert.Equal(width == 320 || width == 700, (bool)(await browser.Evaluate("document.getElementById('drop').getBoundingClientRect().bottom <= document.getElementById('quantized').getBoundingClientRect().top"))!);
        }

        await browser.Drop("#drop", folder.File("three.png", "no image"u8));
        await browser.Until("document.getElementById('error').textContent !== ''");
        Assert.Contains("not a JPEG", (string)(await browser.Evaluate("document.getElementById('error').textContent"))!, StringComparison.Ordinal);
        Assert.Equal(0, (int)(await browser.Evaluate("document.querySelectorAll('li').length"))!);
    }

    /// <summary>The page shows what the service answers of an image, by both models; returns what it shows.</summary>
    private static async Task<string> Shows(Browser browser, HttpClient client, byte[] image)
    {
        var shown = "";
        foreach (var model in (string[])["quantized", "float"])
        {
            using var body = new ByteArrayContent(image);
            using var said = await client.PostAsync(new Uri($"classify?model={model}", UriKind.Relative), body, TestContext.Current.CancellationToken);
            var answer = (await said.Content.ReadFromJsonAsync<Answer>(JsonSerializerOptions.Web, TestContext.Current.CancellationToken))!;
            var expected = string.Join('\n', answer.Classes.Select(static found => FormattableString.Invariant($"{found.Name} {100 * found.Probability:F1} %")));
            await browser.Until($"document.querySelectorAll('#{model} li').length === 5");
            var found = (string)(await browser.Evaluate($"[...document.querySelectorAll('#{model} .row')].map(row => [...row.children].map(part => part.textContent).join(' ')).join('\\n')"))!;
            Assert.Equal(expected, found);
            Assert.EndsWith(" ms", (string)(await browser.Evaluate($"document.querySelector('#{model} .big').textContent"))!, StringComparison.Ordinal);
            Assert.Equal(100 * answer.Classes[0].Probability, (double)(await browser.Evaluate($"parseFloat(document.querySelector('#{model} .fill').style.width)"))!, 0.01);
            shown += found;
        }

        return shown;
    }
}
