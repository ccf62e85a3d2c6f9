using System.Reflection;

namespace IsVit.Tests.Programs.Notebooks;

/// <summary>Where the build has put what notebooks need; see the targets of the project file.</summary>
internal static class NotebookPackages
{
    /// <summary>The libraries of this repository, packed.</summary>
    public static string Feed { get; } = Value("Notebooks.Feed");

    /// <summary>The packages that the feed's are unpacked to; never the user's folder, which would keep them for later.</summary>
    public static string Unpacked { get; } = Value("Notebooks.Unpacked");

    /// <summary>The user's packages, which are only read.</summary>
    public static string OfUser { get; } = Value("Notebooks.PackagesOfUser");

    /// <summary>.NET Interactive's program.</summary>
    public static string Interactive { get; } =
        Path.Combine(OfUser, "microsoft.dotnet-interactive", Value("Notebooks.InteractiveVersion"), "tools", "net10.0", "any", "Microsoft.DotNet.Interactive.App.dll");

    /// <summary>The version of this repository's packages.</summary>
    public static string Version { get; } = Value("Notebooks.Version");

    private static string Value(string key) =>
        typeof(NotebookPackages).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
