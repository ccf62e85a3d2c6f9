using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace IsVit.Core.Coverage;

/// <summary>
/// Lists the operators that libtorch runs, on all threads, through the observer that it has for execution traces (torch/csrc/profiler/standalone/execution_trace_observer.h).
/// TorchSharp does not bind it; it is called by its exported names, which are those of a Linux build, and writes a JSON file.
/// </summary>
internal sealed class OperatorTrace : IDisposable
{
    private const string Prefix = "_ZN5torch8profiler4impl";

    private static readonly SemaphoreSlim s_gate = new(1, 1);

    private readonly Observer _observer;
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"isvit-{Guid.NewGuid():N}.json");
    private bool _isOn;

    private OperatorTrace(Observer observer)
    {
        _observer = observer;
        s_gate.Wait();
    }

    [return: MarshalAs(UnmanagedType.U1)]
    private delegate bool AddObserver(nint path);

    private delegate void Switch();

    /// <summary>Starts to listen.</summary>
    /// <returns>Null where libtorch has no such observer to call, or has one at work.</returns>
    public static OperatorTrace? TryStart()
    {
        if (Observer.TryFind() is not { } observer)
        {
            return null;
        }

        var trace = new OperatorTrace(observer);
        try
        {
            trace._isOn = observer.Start(trace._file);
        }
        catch
        {
            trace.Dispose();
            throw;
        }

        if (trace._isOn)
        {
            return trace;
        }

        trace.Dispose();
        return null;
    }

    /// <summary>Stops, and reads what was heard.</summary>
    /// <returns>The operators in the order in which they began; null where the file is in disorder: the observer lets threads write into each other's lines.</returns>
    public List<OperatorCall>? TryStop()
    {
        Close();
        try
        {
            using var stream = File.OpenRead(_file);
            using var document = JsonDocument.Parse(stream);
            return Read(document);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        Close();
        File.Delete(_file);
        s_gate.Release();
    }

    private static List<OperatorCall> Read(JsonDocument document)
    {
        var calls = new List<OperatorCall>();
        foreach (var node in document.RootElement.GetProperty("nodes").EnumerateArray())
        {
            var name = node.GetProperty("name").GetString()!;
            if (!name.StartsWith("aten::", StringComparison.Ordinal))
            {
                continue;
            }

            var thread = node.GetProperty("attrs").EnumerateArray().First(static attribute => attribute.GetProperty("name").GetString() == "tid").GetProperty("value").GetInt64();
            var inputs = node.GetProperty("inputs");
            calls.Add(new OperatorCall(
                node.GetProperty("id").GetInt64(),
                node.GetProperty("ctrl_deps").GetInt64(),
                thread,
                name["aten::".Length..],
                [.. inputs.GetProperty("shapes").EnumerateArray().Select(Shape)],
                node.GetProperty("outputs").GetProperty("shapes").EnumerateArray().Select(Shape).FirstOrDefault([]),
                [.. inputs.GetProperty("values").EnumerateArray().Where(static value => value.ValueKind is JsonValueKind.True or JsonValueKind.False).Select(static value => value.GetBoolean())]));
        }

        calls.Sort(static (a, b) => a.Id.CompareTo(b.Id));
        return calls;
    }

    private void Close()
    {
        if (_isOn)
        {
            _isOn = false;
            _observer.Stop();
        }
    }

    // A list's shape is a list of its elements' shapes.
    private static long[] Shape(JsonElement element) =>
        element.EnumerateArray().All(static size => size.ValueKind == JsonValueKind.Number) ? [.. element.EnumerateArray().Select(static size => size.GetInt64())] : [];

    private sealed record Observer(AddObserver Add, Switch Enable, Switch Disable, Switch Remove, nint LogLevel)
    {
        private const int LogErrors = 2;

        private static readonly TimeSpan s_grace = TimeSpan.FromMilliseconds(200);

        public static Observer? TryFind()
        {
            if (!OperatingSystem.IsLinux())
            {
                return null;
            }

            using var process = Process.GetCurrentProcess();
            var files = process.Modules.Cast<ProcessModule>().ToLookup(static module => Path.GetFileName(module.FileName), static module => module.FileName, StringComparer.Ordinal);
            return TryLoad(files["libtorch_cpu.so"], out var torch)
                && TryLoad(files["libc10.so"], out var c10)
                && TryGet<AddObserver>(torch, "25addExecutionTraceObserverERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE") is { } add
                && TryGet<Switch>(torch, "28enableExecutionTraceObserverEv") is { } enable
                && TryGet<Switch>(torch, "29disableExecutionTraceObserverEv") is { } disable
                && TryGet<Switch>(torch, "28removeExecutionTraceObserverEv") is { } remove
                && NativeLibrary.TryGetExport(c10, "FLAGS_caffe2_log_level", out var logLevel)
                    ? new Observer(add, enable, disable, remove, logLevel)
                    : null;
        }

        public bool Start(string file)
        {
            var text = Marshal.StringToCoTaskMemUTF8(file);

            // A std::string as the observer reads it: where the text is, how long it is, and 16 bytes that a text elsewhere has no need of.
            var name = Marshal.AllocCoTaskMem(4 * nint.Size);
            try
            {
                Marshal.WriteIntPtr(name, text);
                Marshal.WriteIntPtr(name, nint.Size, System.Text.Encoding.UTF8.GetByteCount(file));
                if (!Add(name))
                {
                    return false;
                }

                Quietly(Enable);
                return true;
            }
            finally
            {
                Marshal.FreeCoTaskMem(name);
                Marshal.FreeCoTaskMem(text);
            }
        }

        public void Stop()
        {
            // What other threads are in the middle of still ends in the observer, which must be there until then.
            Quietly(Disable);
            Thread.Sleep(s_grace);
            Remove();
        }

        // The observer tells of its being switched in warnings on the standard error stream.
        private void Quietly(Switch act)
        {
            var level = Marshal.ReadInt32(LogLevel);
            Marshal.WriteInt32(LogLevel, Math.Max(level, LogErrors));
            act();
            Marshal.WriteInt32(LogLevel, level);
        }

        private static bool TryLoad(IEnumerable<string> files, out nint library)
        {
            library = 0;
            return files.FirstOrDefault() is { } file && NativeLibrary.TryLoad(file, out library);
        }

        private static T? TryGet<T>(nint library, string name)
            where T : Delegate =>
            NativeLibrary.TryGetExport(library, Prefix + name, out var address) ? Marshal.GetDelegateForFunctionPointer<T>(address) : null;
    }
}
