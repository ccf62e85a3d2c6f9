using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace IsVit.Tests.TestSupport;

/// <summary>A server of the test's own that speaks S3's protocol and checks signatures, on this machine alone: <c>s3rver</c> under Node.js, with one bucket. The environment has its credentials as long as it lives.</summary>
internal sealed class S3Server : IDisposable
{
    public const string Bucket = "isvit";
    public const string Key = "S3RVER";

    // Ends with this process: its input does. What was asked is written before it is answered.
    private const string Program = """
        const [, S3rver, port, directory, bucket] = process.argv;
        process.stdin.resume().on('end', () => process.exit());
        const server = new (require(S3rver))({ address: '127.0.0.1', port: Number(port), directory, silent: true, configureBuckets: [{ name: bucket }] });
        server.middleware.unshift((ctx, next) => { console.log(`${ctx.method} ${ctx.url}`); return next(); });
        server.run().then(() => console.log('ready'));
        """;

    private static readonly (string Name, string Value)[] s_variables = [("AWS_ACCESS_KEY_ID", Key), ("AWS_SECRET_ACCESS_KEY", Key), ("AWS_REGION", "eu-central-1")];

    private readonly TemporaryFolder _folder = new();
    private readonly string _package;
    private readonly int _port;
    private readonly string?[] _before = [.. s_variables.Select(static variable => Environment.GetEnvironmentVariable(variable.Name))];
    private readonly ConcurrentQueue<string> _requests = new();
    private Process? _process;

    private S3Server(string package, int port) => (_package, _port) = (package, port);

    /// <summary>Where it listens.</summary>
    public Uri Endpoint => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}"));

    /// <summary>What it was asked, in order: a method, and a path with its query.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    /// <summary>Starts a server, or skips the test.</summary>
    public static S3Server StartOrSkip()
    {
        var package = NodePackage.InstallOrSkip("@20minutes/s3rver", "4.0.4");
        var server = new S3Server(package, FreePort.Find());
        foreach (var (name, value) in s_variables)
        {
            Environment.SetEnvironmentVariable(name, value);
        }

        server.Start();
        return server;
    }

    /// <summary>Starts it again after <see cref="Stop"/>.</summary>
    public void Start()
    {
        using var ready = new ManualResetEventSlim();
        _process = NodePackage.StartOrSkip(new ProcessStartInfo("node", ["-e", Program, "--", _package, _port.ToString(CultureInfo.InvariantCulture), _folder["data"], Bucket])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        });
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data == "ready")
            {
                ready.Set();
            }
            else if (line.Data is not null)
            {
                _requests.Enqueue(line.Data);
            }
        };
        _process.BeginOutputReadLine();
        Assert.True(ready.Wait(TimeSpan.FromMinutes(1)), "s3rver does not start");
    }

    /// <summary>Stops it as a crash does; what it has stays.</summary>
    public void Stop()
    {
        _process!.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        if (_process is not null)
        {
            Stop();
        }

        foreach (var ((name, _), value) in s_variables.Zip(_before))
        {
            Environment.SetEnvironmentVariable(name, value);
        }

        _folder.Dispose();
    }
}
