using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace IsVit.Core.Memory;

/// <summary>The native libraries of this process.</summary>
internal static class LoadedLibraries
{
    /// <summary>The paths of those that are loaded now; none where the system does not list them.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "A system that does not list modules has none to look beside.")]
    public static string[] Files()
    {
        try
        {
            using var process = Process.GetCurrentProcess();
            return [.. process.Modules.Cast<ProcessModule>().Select(static module => module.FileName).Where(static file => !string.IsNullOrEmpty(file))];
        }
        catch (Exception)
        {
            return [];
        }
    }
}
