using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Architecture;

/// <summary>What a reader of the folders may rely on.</summary>
public sealed partial class LayoutTests
{
    [Theory]
    [MemberData(nameof(LibraryAssembly.All), MemberType = typeof(LibraryAssembly))]
    [InlineData("IsVit.Tests")]
    [InlineData("IsVit.Tests.Programs")]
    public void SourceFile_Namespace_IsItsFolder(string project)
    {
        string root = Path.Combine(RepositoryRoot.Path, project);
        string[] files = [.. SourceFiles(root)];

        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.Equal($"{Path.GetFileName(file)}: {Namespace(root, project, file)}", $"{Path.GetFileName(file)}: {DeclaredNamespace(file)}"));
    }

    [Theory]
    [MemberData(nameof(LibraryAssembly.All), MemberType = typeof(LibraryAssembly))]
    public void Project_References_PointDown(string library)
    {
        string[] order = ["IsVit.Model", "IsVit.Runtime", "IsVit.Runtime.DependencyInjection", "IsVit.Cluster", "IsVit.Cluster.S3", "IsVit.Core", "IsVit.Quantizers", "IsVit.Optimization", "IsVit.Detection", "IsVit.Reports", "IsVit.Onnx"];
        var project = XDocument.Load(Path.Combine(RepositoryRoot.Path, library, library + ".csproj"));

        string[] referenced = [.. project.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value))];

        Assert.All(referenced, r => Assert.InRange(Array.IndexOf(order, r), 0, Array.IndexOf(order, library) - 1));
    }

    [Theory]
    [MemberData(nameof(LibraryAssembly.All), MemberType = typeof(LibraryAssembly))]
    public void Library_Packages_HoldNoNativeTorch(string library)
    {
        string assets = File.ReadAllText(Path.Combine(RepositoryRoot.Path, library, "obj", "project.assets.json"));
        using var restored = JsonDocument.Parse(assets);
        string[] packages = [.. restored.RootElement.GetProperty("libraries").EnumerateObject().Select(package => package.Name)];

        Assert.Equal(library is not ("IsVit.Model" or "IsVit.Runtime" or "IsVit.Runtime.DependencyInjection" or "IsVit.Cluster" or "IsVit.Cluster.S3"), packages.Any(static p => p.StartsWith("TorchSharp/", StringComparison.Ordinal)));
        Assert.DoesNotContain(packages, p => p.StartsWith("libtorch-", StringComparison.Ordinal) || p.StartsWith("TorchSharp-", StringComparison.Ordinal));
    }

    private static IEnumerable<string> SourceFiles(string root) => Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
        .Where(file => Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"));

    // Extensions of a service collection stand where its users look for them.
    private static string Namespace(string root, string library, string file)
    {
        string folder = Path.GetRelativePath(root, Path.GetDirectoryName(file)!);
        bool extends = (folder == "DependencyInjection" || (folder == "." && library.EndsWith(".DependencyInjection", StringComparison.Ordinal))) && file.EndsWith("ServiceCollectionExtensions.cs", StringComparison.Ordinal);
        return extends ? "Microsoft.Extensions.DependencyInjection"
            : folder == "." ? library
            : $"{library}.{folder.Replace(Path.DirectorySeparatorChar, '.')}";
    }

    private static string DeclaredNamespace(string file)
    {
        Match declaration = Declaration().Match(File.ReadAllText(file));
        return declaration.Success ? declaration.Groups[1].Value : "(none)";
    }

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
