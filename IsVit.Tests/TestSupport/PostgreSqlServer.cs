using System.Diagnostics;
using System.Globalization;

namespace IsVit.Tests.TestSupport;

/// <summary>A PostgreSQL server of the test's own, on this machine alone, from the system's packages.</summary>
internal sealed class PostgreSqlServer : IDisposable
{
    // Debian's packages keep each version by itself, and the server refuses to be run by root.
    private static readonly string? s_programs = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(static version => Path.Combine(version, "bin")).LastOrDefault(static folder => File.Exists(Path.Combine(folder, "initdb")))
        : null;

    private readonly TemporaryFolder _folder = new();
    private readonly int _port;

    private PostgreSqlServer(int port) => _port = port;

    /// <summary>How clients connect.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={_port};Username=isvit;Database=postgres");

    /// <summary>Starts a server, or skips the test.</summary>
    public static PostgreSqlServer StartOrSkip()
    {
        Assert.SkipWhen(s_programs is null, "PostgreSQL (Debian's package postgresql) is not installed.");
        var server = new PostgreSqlServer(FreePort.Find());
        if (Environment.IsPrivilegedProcess)
        {
            Run("chown", "postgres", server._folder.Path);
        }

        server.RunAsServer("initdb", "-D", server._folder["data"], "-U", "isvit", "-A", "trust", "-N");
        server.Start();
        return server;
    }

    /// <summary>Starts it again after <see cref="Stop"/>.</summary>
    public void Start() => RunAsServer("pg_ctl", "-D", _folder["data"], "-w", "-s", "-l", _folder["log"], "-o", string.Create(CultureInfo.InvariantCulture, $"-p {_port} -c listen_addresses=127.0.0.1 -k {_folder.Path} -c fsync=off"), "start");

    /// <summary>Stops it as a crash does.</summary>
    public void Stop() => RunAsServer("pg_ctl", "-D", _folder["data"], "-w", "-s", "-m", "immediate", "stop");

    public void Dispose()
    {
        Stop();
        _folder.Dispose();
    }

    private void RunAsServer(string program, params string[] arguments)
    {
        var path = Path.Combine(s_programs!, program);
        if (Environment.IsPrivilegedProcess)
        {
            Run("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", path, .. arguments]);
        }
        else
        {
            Run(path, arguments);
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        // A server that is started keeps the pipes of what has started it, so there are none.
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", "exec \"$@\" < /dev/null > /dev/null", "sh", program, .. arguments]) { WorkingDirectory = "/" })!;
        Assert.True(process.WaitForExit(60_000), $"{program} {string.Join(' ', arguments)} does not end");
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
    }
}
