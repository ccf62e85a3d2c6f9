using System.Diagnostics;
using IsVit.Core.Memory;

namespace IsVit.Tests.Memory;

public sealed class ProcessMemoryTests
{
    /// <summary>A host's threads are not stopped for a run's memory unless the host says so: in a new process nothing but the run's own is collected or returned.</summary>
    [Fact]
    public async Task MayActOnProcess_NewProcess_IsFalse()
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "IsVit.Tests.exe" : "IsVit.Tests"), ["-noColor", "-class", typeof(InNewProcess).FullName!, "-explicit", "only"]) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.True(process.ExitCode == 0 && output.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0", StringComparison.Ordinal), output);
    }

    /// <summary>Run by another test, in a process of its own.</summary>
    public sealed class InNewProcess
    {
        [Fact(Explicit = true)]
        public void Setting_NobodyHasCalled_IsOff()
        {
            Assert.False(NativeHeap.MayActOnProcess);
            NativeHeap.ReturnFreedBlocks();
            Assert.True(NativeHeap.MayActOnProcess);
        }
    }
}
