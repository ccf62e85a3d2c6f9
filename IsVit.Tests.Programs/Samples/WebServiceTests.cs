using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using IsVit.Optimization;
using IsVit.Tests.TestSupport;
using Microsoft.AspNetCore.Builder;
using WebService;

namespace IsVit.Tests.Programs.Samples;

/// <summary>samples/WebService on a real port.</summary>
public sealed class WebServiceTests
{
    [Fact]
    public async Task Post_Image_GivesItsClasses()
    {
        using var saved = new SavedFashion();
        using var classifier = QuantizedClassifier.Open(saved.Path);
        await using var service = await Start(saved.Path);
        using var client = new HttpClient { BaseAddress = new Uri(service.Urls.Single()) };

        using var answer = await Post(client, "classify?top=3", saved.Png(3));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var found = await answer.Content.ReadFromJsonAsync<List<ClassProbability>>(JsonSerializerOptions.Web, TestContext.Current.CancellationToken);
        Assert.Equal(classifier.Classify(saved.Png(3), 3), found);
        Assert.Equal(saved.Label(3), found![0].Index);
        using var standard = await Post(client, "classify", saved.Png(3));
        Assert.Equal(5, (await standard.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetArrayLength());
    }

    [Theory]
    [InlineData("classify", "not a JPEG, PNG, BMP or WebP image")]
    [InlineData("classify?top=0", "top is 0; expected 1 or more")]
    public async Task Post_WrongRequest_IsRefusedWithTheReason(string address, string reason)
    {
        using var saved = new SavedFashion();
        await using var service = await Start(saved.Path);
        using var client = new HttpClient { BaseAddress = new Uri(service.Urls.Single()) };

        using var answer = await Post(client, address, "no image"u8.ToArray());

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        Assert.Contains(reason, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Create_FileThatIsMissing_FailsAtTheStart()
    {
        Assert.ThrowsAny<Exception>(() => ClassificationService.Create(["--Model", "absent.safetensors"]));
        Assert.Contains("--Model FILE", Assert.Throws<InvalidOperationException>(() => ClassificationService.Create([])).Message, StringComparison.Ordinal);
    }

    private static async Task<WebApplication> Start(string model)
    {
        var service = ClassificationService.Create(["--Model", model, "--urls", "http://127.0.0.1:0", "--Logging:LogLevel:Default", "Warning"]);
        await service.StartAsync(TestContext.Current.CancellationToken);
        return service;
    }

    private static async Task<HttpResponseMessage> Post(HttpClient client, string address, byte[] content)
    {
        using var body = new ByteArrayContent(content);
        return await client.PostAsync(new Uri(address, UriKind.Relative), body, TestContext.Current.CancellationToken);
    }
}
