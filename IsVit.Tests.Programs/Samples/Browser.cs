using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Samples;

/// <summary>A page in a headless Chromium, driven by the DevTools protocol.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private readonly TemporaryFolder _profile = new();
    private readonly ClientWebSocket _socket = new();
    private readonly Process _process;
    private readonly byte[] _buffer = new byte[1 << 16];
    private string? _session;
    private int _last;

    private Browser(string program) => _process = Process.Start(new ProcessStartInfo(program,
    [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--no-first-run", "--remote-debugging-port=0", $"--user-data-dir={_profile.Path}", "about:blank",
    ])
    { RedirectStandardError = true, RedirectStandardOutput = true })!;

    /// <summary>The program; null where there is none.</summary>
    public static string? Program { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(static folder => (string[])[Path.Combine(folder, "chromium"), Path.Combine(folder, "chromium-browser"), Path.Combine(folder, "google-chrome")]).FirstOrDefault(File.Exists);

    /// <summary>What the page wrote to the console, and errors that nobody caught.</summary>
    public List<string> Complaints { get; } = [];

    /// <summary>Starts the browser and opens a page.</summary>
    public static async Task<Browser> Open(Uri address)
    {
        var browser = new Browser(Program!);
        try
        {
            await browser.Connect();
            var target = await browser.Send("Target.createTarget", new() { ["url"] = "about:blank" });
            var attached = await browser.Send("Target.attachToTarget", new() { ["targetId"] = (string)target["targetId"]!, ["flatten"] = true });
            browser._session = (string)attached["sessionId"]!;
            await browser.Send("Runtime.enable");
            await browser.Send("Log.enable");
            await browser.Resize(1000, 800);
            await browser.Send("Page.navigate", new() { ["url"] = address.AbsoluteUri });
            await browser.Until("document.readyState === 'complete' && location.href !== 'about:blank'");
            return browser;
        }
        catch
        {
            await browser.DisposeAsync();
            throw;
        }
    }

    /// <summary>Gives the window another size.</summary>
    public async Task Resize(int width, int height)
        => await Send("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = false });

    /// <summary>The value of an expression.</summary>
    public async Task<JsonNode?> Evaluate(string expression)
    {
        var answer = await Send("Runtime.evaluate", new() { ["expression"] = expression, ["awaitPromise"] = true, ["returnByValue"] = true });
        return answer["exceptionDetails"] is { } failure ? throw new InvalidOperationException(failure.ToJsonString()) : answer["result"]!["value"];
    }

    /// <summary>Waits for an expression to be true.</summary>
    public async Task Until(string expression)
    {
        var clock = Stopwatch.StartNew();
        while (!(bool)(await Evaluate($"Boolean({expression})"))!)
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(60))
            {
                throw new TimeoutException($"'{expression}' did not come true on the page: {await Evaluate("document.body.innerText")} {string.Join('\n', Complaints)}");
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Chooses a file in a file field.</summary>
    public async Task Choose(string selector, string file)
    {
        var document = await Send("DOM.getDocument");
        var node = await Send("DOM.querySelector", new() { ["nodeId"] = (int)document["root"]!["nodeId"]!, ["selector"] = selector });
        await Send("DOM.setFileInputFiles", new() { ["files"] = new JsonArray(file), ["nodeId"] = (int)node["nodeId"]! });
    }

    /// <summary>Drags a file onto the middle of an element and drops it.</summary>
    public async Task Drop(string selector, string file)
    {
        var middle = (await Evaluate($"(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; }})()"))!;
        foreach (var type in (string[])["dragEnter", "dragOver", "drop"])
        {
            await Send("Input.dispatchDragEvent", new()
            {
                ["type"] = type,
                ["x"] = (double)middle[0]!,
                ["y"] = (double)middle[1]!,
                ["data"] = new JsonObject { ["items"] = new JsonArray(), ["files"] = new JsonArray(file), ["dragOperationsMask"] = 1 },
            });
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                _profile.Dispose();
                return;
            }
            catch (IOException) when (attempt < 50)
            {
                // A process of the browser that has not ended yet still writes.
                await Task.Delay(20);
            }
        }
    }

    private async Task Connect()
    {
        const string Before = "DevTools listening on ";
        _ = _process.StandardOutput.ReadToEndAsync();
        var said = "";
        while (await _process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            said += line + '\n';
            if (line.StartsWith(Before, StringComparison.Ordinal))
            {
                _ = _process.StandardError.ReadToEndAsync();
                await _socket.ConnectAsync(new Uri(line[Before.Length..]), TestContext.Current.CancellationToken);
                return;
            }
        }

        throw new InvalidOperationException($"{Program} ended: {said}");
    }

    /// <summary>Sends a command and reads until its answer.</summary>
    private async Task<JsonNode> Send(string method, JsonObject? parameters = null)
    {
        var id = ++_last;
        var command = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        if (_session is not null)
        {
            command["sessionId"] = _session;
        }

        await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(command), WebSocketMessageType.Text, endOfMessage: true, TestContext.Current.CancellationToken);
        while (true)
        {
            var message = await Receive();
            if ((int?)message["id"] == id)
            {
                return message["result"] ?? throw new InvalidOperationException($"{method}: {message["error"]!.ToJsonString()}");
            }

            if ((string?)message["method"] is "Runtime.consoleAPICalled" or "Runtime.exceptionThrown" or "Log.entryAdded")
            {
                Complaints.Add(message["params"]!.ToJsonString());
            }
        }
    }

    private async Task<JsonNode> Receive()
    {
        using var whole = new MemoryStream();
        WebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(_buffer, TestContext.Current.CancellationToken);
            whole.Write(_buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);
        return JsonNode.Parse(whole.ToArray())!;
    }
}
