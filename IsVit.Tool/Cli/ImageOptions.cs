using System.CommandLine;

namespace IsVit.Tool.Cli;

/// <summary>Options that say which images to test with and how to read them.</summary>
internal static class ImageOptions
{
    /// <summary>The labels of the test images.</summary>
    public static Option<string?> Labels() => PathOptions.Optional("--labels", "CSV", "The test images' labels: a CSV with the columns 'file' and 'label'");

    /// <summary>The folder of test images.</summary>
    /// <param name="more">What it is in other cases.</param>
    public static Option<string?> Images(string more = "") => PathOptions.Optional(
        "--images", "DIR", $"The test images: what --labels names is relative to it; without --labels a tree of class folders (all classes, or named by number or WordNet id), or images without labels{more}");

    /// <summary>Whether an image that cannot be read ends the run.</summary>
    public static Option<bool> SkipUnreadable() => new("--skip-unreadable") { Description = "Leave out images that cannot be read, naming each, instead of stopping" };
}
