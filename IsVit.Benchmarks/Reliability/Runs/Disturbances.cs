using System.Globalization;

namespace IsVit.Benchmarks.Reliability.Runs;

/// <summary>What happens to runs.</summary>
internal static class Disturbances
{
    // The number of the user that has no rights.
    private const string Nobody = "65534";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Disturbance> All { get; } =
    [
        new("SIGTERM", [143, 130], static (run, _) => run.Send("TERM"), static _ => { }),
        new("SIGINT (Ctrl-C)", [130], static (run, _) => run.Send("INT"), static _ => { }),

        // Full from the start, at a size that is reached somewhere between the first unit and the model.
        new("full disk (tmpfs)", [1], static (_, _) => { }, static folder => Mount(folder, "remount,size=64m"))
        {
            Prepare = static (folder, random) => Mount(folder, string.Create(CultureInfo.InvariantCulture, $"size={random.Next(1, 400) * 4}k")),
            CleanUp = Unmount,
        },
        new("read-only disk (tmpfs)", [1, 2], static (_, folder) => Mount(folder, "remount,ro"), static folder => Mount(folder, "remount,rw")) { Prepare = static (folder, _) => Mount(folder, "size=64m"), CleanUp = Unmount },
        new("revoked permissions (as nobody)", [1, 2], static (_, folder) => Revoke(folder, "a-w"), static folder => Revoke(folder, "a+rwX"))
        {
            Prepare = static (folder, _) => Permissions.Run("setpriv", "--reuid=" + Nobody, "--regid=" + Nobody, "--clear-groups", "true") && Permissions.Set(folder, "777"),
            Limiter = ["setpriv", "--reuid=" + Nobody, "--regid=" + Nobody, "--clear-groups"],
        },
        new("vanished folder (renamed)", [1, 2], static (_, folder) => Directory.Move(folder, folder + "-gone"), static folder => Restore(folder)),
        new("vanished disk (unmounted)", [1, 2], static (_, folder) => Permissions.Run("umount", "-l", folder), static folder => { }) { Prepare = static (folder, _) => Mount(folder, "size=64m"), CleanUp = Unmount },
    ];

    private static bool Mount(string folder, string options) => Permissions.Run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);

    private static void Unmount(string folder) => Permissions.Run("umount", "-l", folder);

    private static void Revoke(string folder, string mode) => Permissions.Run("chmod", "-R", mode, folder);

    private static void Restore(string folder)
    {
        // What came after it vanished is no part of it.
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.Move(folder + "-gone", folder);
    }
}
