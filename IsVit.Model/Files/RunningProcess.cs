using System.Diagnostics;

namespace IsVit.Model.Files;

/// <summary>Processes of this machine by their numbers: whose temporary files may be deleted.</summary>
internal static class RunningProcess
{
    /// <summary>Whether there is one.</summary>
    /// <param name="id">Its number.</param>
    public static bool Exists(int id)
    {
        try
        {
            Process.GetProcessById(id).Dispose();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
