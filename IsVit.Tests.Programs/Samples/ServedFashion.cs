using IsVit.Tests.TestSupport;
using Microsoft.AspNetCore.Builder;
using Serve;

namespace IsVit.Tests.Programs.Samples;

/// <summary>A service of samples/Serve with the demo's model, for tests that change nothing about it.</summary>
public sealed class ServedFashion : IAsyncLifetime
{
    private WebApplication? _service;
    private HttpClient? _client;

    internal SavedFashion Saved { get; } = new();

    internal HttpClient Client => _client ?? throw new InvalidOperationException("Not started.");

    public async ValueTask InitializeAsync() => _client = ClientOf(_service = await Start(Saved.Path));

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_service is not null)
        {
            await _service.DisposeAsync();
        }

        Saved.Dispose();
    }

    internal static async Task<WebApplication> Start(string model, params string[] options)
    {
        var service = ServeApplication.Create(["--model", model, "--port", "0", "--Logging:LogLevel:Default", "Warning", .. options]);
        await service.StartAsync(TestContext.Current.CancellationToken);
        return service;
    }

    internal static HttpClient ClientOf(WebApplication service) => new() { BaseAddress = new Uri(service.Urls.Single()) };
}
