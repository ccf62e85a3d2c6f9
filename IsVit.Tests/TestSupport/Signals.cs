using System.Diagnostics;
using System.Globalization;

namespace IsVit.Tests.TestSupport;

/// <summary>Signals to processes, where there are signals.</summary>
internal static class Signals
{
    /// <summary>Sends a signal.</summary>
    /// <param name="name">Its name, such as TERM.</param>
    /// <param name="process">The process's number.</param>
    public static void Send(string name, int process)
    {
        using var sent = Process.Start("kill", ["-s", name, process.ToString(CultureInfo.InvariantCulture)]);
        sent.WaitForExit();
        Assert.Equal(0, sent.ExitCode);
    }
}
