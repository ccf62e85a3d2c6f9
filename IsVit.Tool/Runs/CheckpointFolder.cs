using System.Globalization;
using IsVit.Optimization.Reconstruction;
using IsVit.Tool.Workloads;

namespace IsVit.Tool.Runs;

/// <summary>The folder in which a run keeps what it has finished.</summary>
internal sealed class CheckpointFolder
{
    /// <summary>What the folder beside the output is called after it.</summary>
    public const string Suffix = ".checkpoint";

    private const string UnitFiles = "stage*.unit*.safetensors";
    private const string LockFile = "run.lock";

    private CheckpointFolder(string path, bool isAutomatic) => (Path, IsAutomatic) = (path, isAutomatic);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Whether the user did not name it: it goes when the model is saved.</summary>
    public bool IsAutomatic { get; }

    /// <summary>How many finished units it holds.</summary>
    public int UnitCount => Directory.Exists(Path) ? Directory.EnumerateFiles(Path, UnitFiles).Count() : 0;

    /// <summary>What is left of a run that did not end.</summary>
    public string Kept => UnitCount == 0 ? IsAutomatic ? "no unit was finished, so nothing is kept" : $"no unit was finished, so {Path} holds none" : string.Create(CultureInfo.InvariantCulture, $"{Units} kept in {Path}; the same command goes on from there");

    /// <summary>What a run says when it begins.</summary>
    public string Announcement => UnitCount == 0
        ? $"keeps finished units in {Path}; if stopped, the same command goes on from there"
        : $"of a run that was stopped, {Units} kept in {Path}";

    private string Units => string.Create(CultureInfo.InvariantCulture, $"{UnitCount} reconstructed {(UnitCount == 1 ? "unit is" : "units are")}");

    /// <summary>The folder of a run.</summary>
    /// <param name="arguments">What was asked for.</param>
    /// <returns>Null if nothing is kept: nobody wants it, or no unit is reconstructed.</returns>
    public static CheckpointFolder? Of(QuantizeArguments arguments) =>
        arguments.Checkpoint is { } given ? new CheckpointFolder(given, isAutomatic: false)
        : arguments is { Output: { } output, NoCheckpoint: false } && arguments.Recipe.Stages.Any(static stage => stage is ReconstructionStage) ? new CheckpointFolder(System.IO.Path.TrimEndingDirectorySeparator(output) + Suffix, isAutomatic: true)
        : null;

    /// <summary>Deletes what a run without a finished unit left, which is of no use to another.</summary>
    public void DiscardEmpty()
    {
        if (!IsAutomatic || UnitCount > 0)
        {
            return;
        }

        try
        {
            Clear();
        }
        catch (Exception error) when (error is ToolException or IOException or UnauthorizedAccessException)
        {
            // Nothing depends on it.
        }
    }

    /// <summary>Deletes what runs kept there, and the folder if nothing else is in it.</summary>
    /// <exception cref="ToolException">A run is going on there.</exception>
    public void Clear()
    {
        if (!Directory.Exists(Path))
        {
            return;
        }

        var @lock = System.IO.Path.Combine(Path, LockFile);
        if (File.Exists(@lock))
        {
            try
            {
                using var held = new FileStream(@lock, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error)
            {
                throw new ToolException($"{Path}: is the checkpoint of a run that is going on; wait for its end, or give another --output or --checkpoint.", error);
            }
        }

        // A run that was killed may have been writing one.
        foreach (var file in Directory.GetFiles(Path, UnitFiles).Concat(Directory.GetFiles(Path, UnitFiles + ".*.tmp")).Concat(Directory.GetFiles(Path, "run.json.*.tmp")).Append(System.IO.Path.Combine(Path, "run.json")).Append(@lock))
        {
            File.Delete(file);
        }

        if (!Directory.EnumerateFileSystemEntries(Path).Any())
        {
            Directory.Delete(Path);
        }
    }
}
