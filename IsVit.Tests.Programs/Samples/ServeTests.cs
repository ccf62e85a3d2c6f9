using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using IsVit.Core.Imaging;
using IsVit.Model.Imaging;
using IsVit.Runtime;
using IsVit.Tests.TestSupport;
using Serve;
using SkiaSharp;

namespace IsVit.Tests.Programs.Samples;

/// <summary>samples/Serve on a real port.</summary>
[Collection(typeof(ServedFashionGroup))]
public sealed class ServeTests(ServedFashion served)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Classify_BodyAndForm_GiveTheClassesOfTheQuantizedModel()
    {
        var model = RuntimeModel.Load(served.Saved.Path);
        using var image = new ImagePreprocessor(model.Description.Preprocessing!).Preprocess(served.Saved.Png(3), "shoe");
        var expected = model.Classify(image.data<float>().ToArray(), 3);

        using var body = new ByteArrayContent(served.Saved.Png(3));
        using var ofBody = await served.Client.PostAsync(new Uri("classify?top=3", UriKind.Relative), body, Cancelled);
        using var bodyOfCurl = new ByteArrayContent(served.Saved.Png(3)) { Headers = { ContentType = new("application/x-www-form-urlencoded") } };
        using var ofCurl = await served.Client.PostAsync(new Uri("classify?top=3", UriKind.Relative), bodyOfCurl, Cancelled);
        using var form = new MultipartFormDataContent { { new StringContent("ignored"), "note" }, { new ByteArrayContent(served.Saved.Png(3)), "file", "shoe.png" } };
        using var ofForm = await served.Client.PostAsync(new Uri("classify?top=3", UriKind.Relative), form, Cancelled);

        foreach (var answer in (HttpResponseMessage[])[ofBody, ofCurl, ofForm])
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var found = (await answer.Content.ReadFromJsonAsync<Answer>(JsonSerializerOptions.Web, Cancelled))!;
            Assert.Equal("quantized", found.Model);
            Assert.Equal(expected.Select(static c => (c.Index, c.Name, (double)c.Probability)), found.Classes.Select(static c => (c.Index, c.Name, c.Probability)));
            Assert.True(found.Milliseconds is { Waiting: >= 0, Preparing: > 0, Computing: > 0 } times && times.Total >= times.Preparing + times.Computing);
        }

        using var standard = await Post(served.Client, "classify", served.Saved.Png(3));
        Assert.Equal(5, (await standard.Content.ReadFromJsonAsync<Answer>(JsonSerializerOptions.Web, Cancelled))!.Classes.Count);
    }

    /// <summary>Colours, alpha, both orientations, enlarging and shrinking: the numbers are those of the library's own preprocessing.</summary>
    [Theory]
    [InlineData(310, 200, SKEncodedImageFormat.Jpeg, 3)]
    [InlineData(200, 310, SKEncodedImageFormat.Png, 3)]
    [InlineData(19, 33, SKEncodedImageFormat.Webp, 3)]
    [InlineData(64, 64, SKEncodedImageFormat.Png, 1)]
    public void Decode_Image_GivesThePixelsOfTheLibrary(int width, int height, SKEncodedImageFormat format, int channels)
    {
        var file = Noise(width, height, format);
        var preprocessing = channels == 3 ? new ImagePreprocessing { ImageSize = 50 } : new() { ImageSize = 50, Mean = [0.25f], Std = [0.5f] };
        using var expected = new ImagePreprocessor(preprocessing).Preprocess(file, "noise");

        var pixels = new float[channels * 50 * 50];
        var picture = Picture.Decode(file, 1 << 20);
        using var image = RgbImage.FromRgb(picture.Width, picture.Height, picture.Rgb);
        ImagePreparation.Write(preprocessing, image, pixels);

        Assert.Equal(expected.data<float>().ToArray(), pixels);
    }

    [Theory]
    [InlineData("classify", "no image", HttpStatusCode.BadRequest, "not a JPEG, PNG, WebP or BMP image")]
    [InlineData("classify", "", HttpStatusCode.BadRequest, "The body is empty")]
    [InlineData("classify?top=0", "no image", HttpStatusCode.BadRequest, "top is 0; expected 1 or more")]
    [InlineData("classify?model=other", "no image", HttpStatusCode.BadRequest, "model is 'other'; expected 'quantized' or 'float'")]
    [InlineData("classify?model=float", "no image", HttpStatusCode.NotFound, "started without --float")]
    public async Task Classify_WrongRequest_IsRefusedWithTheReason(string address, string content, HttpStatusCode status, string reason)
    {
        using var answer = await Post(served.Client, address, System.Text.Encoding.ASCII.GetBytes(content));

        await Refused(answer, status, reason);
    }

    [Fact]
    public async Task Classify_DamagedImageOrForm_IsRefusedWithTheReason()
    {
        using var cut = await Post(served.Client, "classify", Noise(64, 64, SKEncodedImageFormat.Png)[..2000]);
        await Refused(cut, HttpStatusCode.BadRequest, "64 x 64 pixels is damaged, cut off");

        using var empty = new MultipartFormDataContent { { new StringContent("nothing"), "note" } };
        using var without = await served.Client.PostAsync(new Uri("classify", UriKind.Relative), empty, Cancelled);
        await Refused(without, HttpStatusCode.BadRequest, "The form has no file");

        using var unfinished = new StringContent("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nabc");
        unfinished.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=x");
        using var open = await served.Client.PostAsync(new Uri("classify", UriKind.Relative), unfinished, Cancelled);
        await Refused(open, HttpStatusCode.BadRequest, "The form cannot be read");
    }

    [Fact]
    public async Task Classify_TooManyBytesOrPixels_Is413()
    {
        await using var service = await ServedFashion.Start(served.Saved.Path, "--Serve:MaxBytes", "4000", "--Serve:MaxPixels", "10000");
        using var client = ServedFashion.ClientOf(service);
        using var long1 = await Post(client, "classify", new byte[4001]);
        await Refused(long1, HttpStatusCode.RequestEntityTooLarge, "longer than 4000 bytes");
        using var unknownLength = new SlowContent(new byte[4001]);
        unknownLength.Finish();
        using var long2 = await client.PostAsync(new Uri("classify", UriKind.Relative), unknownLength, Cancelled);
        await Refused(long2, HttpStatusCode.RequestEntityTooLarge, "longer than 4000 bytes");

        using var plain = new SKBitmap(101, 100, SKColorType.Gray8, SKAlphaType.Opaque);
        using var bomb = plain.Encode(SKEncodedImageFormat.Png, 100);
        using var large = await Post(client, "classify", bomb.ToArray());
        await Refused(large, HttpStatusCode.RequestEntityTooLarge, "101 x 100 pixels; at most 10000 are allowed");
    }

    [Fact]
    public async Task Classify_ImageThatDoesNotArrive_Is408AndItsPlaceIsFree()
    {
        await using var service = await ServedFashion.Start(served.Saved.Path, "--Serve:UploadSeconds", "0.2", "--Serve:MaxComputing", "1", "--Serve:MaxWaiting", "0");
        using var client = ServedFashion.ClientOf(service);
        using var slow = new SlowContent(served.Saved.Png(0));
        var request = client.PostAsync(new Uri("classify", UriKind.Relative), slow, Cancelled);
        await Metric(client, "serve_requests_total", 1, "status=\"408\"");
        await Metric(client, "serve_requests_inside", 0);
        await WaitUntil(async () =>
        {
            // On a busy machine this may take as long.
            using var next = await Post(client, "classify", served.Saved.Png(0));
            return next.StatusCode == HttpStatusCode.OK;
        });

        // The client reads only when it has sent all.
        slow.Finish();
        using var answer = await request;
        await Refused(answer, HttpStatusCode.RequestTimeout, "did not arrive within 0.2 s");
    }

    [Fact]
    public async Task Classify_EveryPlaceTaken_TurnsTheNextAwayAndLosesNone()
    {
        await using var service = await ServedFashion.Start(served.Saved.Path, "--Serve:MaxComputing", "1", "--Serve:MaxWaiting", "2", "--Serve:RetryAfterSeconds", "7");
        using var client = ServedFashion.ClientOf(service);
        var inside = Enumerable.Range(0, 3).Select(i => new SlowContent(served.Saved.Png(i))).ToArray();
        var answers = inside.Select(content => client.PostAsync(new Uri("classify", UriKind.Relative), content, Cancelled)).ToArray();
        await Metric(client, "serve_requests_inside", 3);

        using var turnedAway = await Post(client, "classify", served.Saved.Png(0));
        await Refused(turnedAway, HttpStatusCode.TooManyRequests, "Every place is taken");
        Assert.Equal(TimeSpan.FromSeconds(7), turnedAway.Headers.RetryAfter!.Delta);
        using var health = await client.GetAsync(new Uri("health", UriKind.Relative), Cancelled);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);

        Array.ForEach(inside, static content => content.Finish());
        Assert.All(await Task.WhenAll(answers), static answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        await Metric(client, "serve_requests_inside", 0);
        await Metric(client, "serve_rejections_total", 1);
        await Metric(client, "serve_requests_total", 3);
        using var next = await Post(client, "classify", served.Saved.Png(0));
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        foreach (var done in answers)
        {
            (await done).Dispose();
        }
    }

    /// <summary>More clients than compute at once, no more than there are places: everyone waits and has its own answer.</summary>
    [Fact]
    public async Task Classify_ManyAtOnce_EachHasItsAnswer()
    {
        await using var service = await ServedFashion.Start(served.Saved.Path, "--Serve:MaxComputing", "2", "--Serve:MaxWaiting", "14");
        using var client = ServedFashion.ClientOf(service);
        var alone = new List<string>();
        for (var i = 0; i < 16; i++)
        {
            alone.Add(await Classes(client, i));
        }

        Assert.Equal(alone, await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Classes(client, i))));
        Assert.True(alone.Distinct().Count() > 8);
    }

    [Fact]
    public async Task Classify_ClientThatGoes_FreesItsPlace()
    {
        await using var service = await ServedFashion.Start(served.Saved.Path, "--Serve:MaxComputing", "1", "--Serve:MaxWaiting", "0");
        using var client = ServedFashion.ClientOf(service);
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        using var slow = new SlowContent(served.Saved.Png(0));
        var request = client.PostAsync(new Uri("classify", UriKind.Relative), slow, gone.Token);
        await Metric(client, "serve_requests_inside", 1);

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);

        await Metric(client, "serve_requests_inside", 0);
        await Metric(client, "serve_requests_total", 1);
        using var next = await Post(client, "classify", served.Saved.Png(0));
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    [Fact]
    public async Task Stop_RequestInside_IsAnsweredFirst()
    {
        await using var service = await ServedFashion.Start(served.Saved.Path);
        using var client = ServedFashion.ClientOf(service);
        using var slow = new SlowContent(served.Saved.Png(0));
        var request = client.PostAsync(new Uri("classify", UriKind.Relative), slow, Cancelled);
        await Metric(client, "serve_requests_inside", 1);

        var stopped = service.StopAsync(Cancelled);
        await WaitUntil(async () =>
        {
            try
            {
                using var other = ServedFashion.ClientOf(service);
                using var answer = await other.GetAsync(new Uri("health", UriKind.Relative), Cancelled);
                return answer.StatusCode == HttpStatusCode.ServiceUnavailable;
            }
            catch (HttpRequestException)
            {
                return true; // nobody listens any more
            }
        });
        Assert.False(stopped.IsCompleted);
        slow.Finish();

        using var last = await request;
        Assert.Equal(HttpStatusCode.OK, last.StatusCode);
        Assert.Equal(5, (await last.Content.ReadFromJsonAsync<Answer>(JsonSerializerOptions.Web, Cancelled))!.Classes.Count);
        await stopped;
    }

    [Fact]
    public async Task Health_LoadedModel_IsReady()
    {
        var health = await served.Client.GetFromJsonAsync<JsonElement>(new Uri("health", UriKind.Relative), Cancelled);

        Assert.Equal("ready", health.GetProperty("status").GetString());
        Assert.Equal((10, 28), (health.GetProperty("classes").GetInt32(), health.GetProperty("imageSize").GetInt32()));
        Assert.False(health.GetProperty("hasFloat").GetBoolean());
        var live = await served.Client.GetFromJsonAsync<JsonElement>(new Uri("health/live", UriKind.Relative), Cancelled);
        Assert.Equal("live", live.GetProperty("status").GetString());
    }

    [Fact]
    public async Task Metrics_AfterRequests_CountThem()
    {
        await using var service = await ServedFashion.Start(served.Saved.Path);
        using var client = ServedFashion.ClientOf(service);
        for (var i = 0; i < 3; i++)
        {
            using var answer = await Post(client, "classify", served.Saved.Png(i));
        }

        using var wrong = await Post(client, "classify", [1, 2, 3]);

        await Metric(client, "serve_requests_total", 3, "status=\"200\"");
        await Metric(client, "serve_requests_total", 1, "status=\"400\"");
        await Metric(client, "serve_computing_duration_seconds_count", 3, "model=\"quantized\"");
        await Metric(client, "serve_request_duration_seconds_bucket", 4, "le=\"+Inf\"");
        await Metric(client, "serve_queue_length", 0);
        var text = await client.GetStringAsync(new Uri("metrics", UriKind.Relative), Cancelled);
        Assert.Contains("# TYPE serve_requests_total counter", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE serve_request_duration_seconds histogram", text, StringComparison.Ordinal);
        Assert.Contains("le=\"0.0025\"", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Serve:Model is missing; expected the file of a quantized model, as --model FILE")]
    [InlineData("Serve:MaxWaiting is -1; expected 0 to 100000", "--model", "x", "--Serve:MaxWaiting", "-1")]
    [InlineData("'many'", "--model", "x", "--Serve:MaxBytes", "many")]
    public void Create_WrongOptions_SaysWhich(string expected, params string[] args)
        => Assert.Contains(expected, Assert.Throws<ServeOptionsException>(() => ServeApplication.Create(args)).Message, StringComparison.Ordinal);

    [Fact]
    public void Create_ModelsThatCannotBeLoaded_SaysWhich()
    {
        Assert.Contains("absent.safetensors", Assert.Throws<FileNotFoundException>(() => ServeApplication.Create(["--model", "absent.safetensors"])).Message, StringComparison.Ordinal);
        Assert.Contains("absent.onnx", Assert.Throws<FileNotFoundException>(() => ServeApplication.Create(["--model", served.Saved.Path, "--float", "absent.onnx"])).Message, StringComparison.Ordinal);
        using var folder = new TemporaryFolder();
        Assert.Contains("names 2 classes; the model has 10", Assert.Throws<IsVit.Model.Quantization.QuantizationException>(() => ServeApplication.Create(["--model", served.Saved.Path, "--classes", folder.File("names.txt", "a\nb\n"u8)])).Message, StringComparison.Ordinal);
        using var incomplete = new SavedFashion(isComplete: false);
        Assert.Contains("does not say how images are prepared", Assert.Throws<IsVit.Model.Quantization.QuantizationException>(() => ServeApplication.Create(["--model", incomplete.Path])).Message, StringComparison.Ordinal);
    }

    /// <summary>The program itself: no torch beside it, and a model that is missing ends it with a sentence.</summary>
    [Fact]
    public async Task Program_ModelThatIsMissing_SaysSoAndEnds()
    {
        var configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)))!;
        var built = Path.Combine(RepositoryRoot.Path, "samples", "Serve", "bin", configuration, "net10.0");
        Assert.DoesNotContain(Directory.GetFiles(built, "*", SearchOption.AllDirectories), static file => Path.GetFileName(file).Contains("torch", StringComparison.OrdinalIgnoreCase));

        using var program = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(built, "Serve.dll"), "--model", "absent.safetensors"]) { RedirectStandardError = true })!;
        var said = await program.StandardError.ReadToEndAsync(Cancelled);
        await program.WaitForExitAsync(Cancelled);

        Assert.Equal(1, program.ExitCode);
        Assert.StartsWith("Serve cannot start: ", said, StringComparison.Ordinal);
        Assert.Contains("absent.safetensors", said, StringComparison.Ordinal);
    }

    private static byte[] Noise(int width, int height, SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, format == SKEncodedImageFormat.Png ? SKAlphaType.Unpremul : SKAlphaType.Opaque));
        var pixels = new byte[width * height * 4];
        new Random(5).NextBytes(pixels);
        Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    private async Task<string> Classes(HttpClient client, int index)
    {
        using var answer = await Post(client, "classify?top=10", served.Saved.Png(index));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("classes").GetRawText();
    }

    private static async Task Refused(HttpResponseMessage answer, HttpStatusCode status, string reason)
    {
        Assert.Equal(status, answer.StatusCode);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancelled);
        Assert.Contains(reason, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private static async Task<HttpResponseMessage> Post(HttpClient client, string address, byte[] content)
    {
        using var body = new ByteArrayContent(content);
        return await client.PostAsync(new Uri(address, UriKind.Relative), body, Cancelled);
    }

    /// <summary>Waits until the series of a metric that have a label add up to a value.</summary>
    private static async Task Metric(HttpClient client, string name, double value, string label = "")
    {
        var text = "";
        try
        {
            await WaitUntil(async () =>
            {
                text = await client.GetStringAsync(new Uri("metrics", UriKind.Relative), Cancelled);
                var series = Regex.Matches(text, $@"^{name}(?<labels>\{{.*\}})? (?<value>\S+)", RegexOptions.Multiline, TimeSpan.FromSeconds(10)).Where(found => found.Groups["labels"].Value.Contains(label, StringComparison.Ordinal)).ToList();
                return series.Count > 0 && series.Sum(static found => double.Parse(found.Groups["value"].Value, CultureInfo.InvariantCulture)) == value;
            });
        }
        catch (TimeoutException)
        {
            Assert.Fail(FormattableString.Invariant($"{name} did not become {value} in:\n{text}"));
        }
    }

    private static async Task WaitUntil(Func<Task<bool>> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await holds())
        {
            if (patience.IsCancellationRequested)
            {
                throw new TimeoutException();
            }

            await Task.Delay(10, Cancelled);
        }
    }
}
