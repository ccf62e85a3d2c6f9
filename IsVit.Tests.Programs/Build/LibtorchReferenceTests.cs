using System.Diagnostics;
using System.Text;
using System.Xml.Linq;
using IsVit.Tests.Programs.Documentation;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Build;

/// <summary>Who references the libraries is told which native package to add.</summary>
public sealed class LibtorchReferenceTests
{
    private static string LibtorchVersion { get; } = PropertyOf("Directory.Packages.props", "LibTorchVersion");

    /// <summary>Real projects outside the repository, restored from the packages that it was restored from.</summary>
    [Fact]
    public async Task Build_OfProjects_WarnsThoseThatRunWithoutLibtorchOnly()
    {
        using var folder = new TemporaryFolder();
        Write(folder, "nuget.config", "<configuration><packageSources><clear /><add key=\"none\" value=\".\" /></packageSources></configuration>");
        Write(folder, "Directory.Packages.props", $"<Project><Import Project=\"{RepositoryRoot.Path}/Directory.Packages.props\" /></Project>");
        Write(folder, "without/without.csproj", Project("<TargetFramework>net10.0</TargetFramework>", "TorchSharp"));
        Write(folder, "with/with.csproj", Project($"</PropertyGroup><Import Project=\"{RepositoryRoot.Path}/build/Executable.props\" /><PropertyGroup>", "TorchSharp"));
        Write(folder, "torchless/torchless.csproj", Project("<TargetFramework>net10.0</TargetFramework>", "MathNet.Numerics"));
        Write(folder, "all.proj", """
            <Project>
              <Target Name="All">
                <MSBuild Projects="without/without.csproj;with/with.csproj;torchless/torchless.csproj" Targets="Restore" Properties="MSBuildRestoreSessionId=1" />
                <MSBuild Projects="without/without.csproj;with/with.csproj;torchless/torchless.csproj" Targets="ResolvePackageAssets" Properties="OutputType=Exe" />
                <MSBuild Projects="without/without.csproj" Targets="ResolvePackageAssets" Properties="OutputType=Exe;AssemblyName=silenced;NoWarn=ISVIT001" />
                <MSBuild Projects="without/without.csproj" Targets="ResolvePackageAssets" Properties="OutputType=Library" />
              </Target>
            </Project>
            """);

        var (code, output) = await Run(folder.Path);

        Assert.True(code == 0, output);
        var warnings = output.Split('\n').Where(static line => line.Contains("warning", StringComparison.Ordinal)).ToList();
        var warning = Assert.Single(warnings);
        Assert.Contains("warning ISVIT001: without runs TorchSharp", warning, StringComparison.Ordinal);
        Assert.Contains($"dotnet add package libtorch-cpu-{NativeSystem} --version {LibtorchVersion}", warning, StringComparison.Ordinal);
    }

    /// <summary>The file travels with the package, away from the list of versions.</summary>
    [Fact]
    public void LibtorchVersion_OfTheWarning_IsTheOneThatIsBuiltWith() =>
        Assert.Equal(LibtorchVersion, PropertyOf("build/TorchSharp/IsVit.Core.targets", "IsVitLibtorchVersion"));

    [Fact]
    public void Readme_PartOnCSharp_BeginsWithThePackagesToAdd()
    {
        string part = Markdown.Read("README.md").Split("\n## Use it from C#\n")[1];

        Assert.StartsWith($"\n```sh\ndotnet add package IsVit.Optimization\ndotnet add package libtorch-cpu-linux-x64 --version {LibtorchVersion}\n```\n", part, StringComparison.Ordinal);
        Assert.Contains($"TorchSharp {PropertyOf("Directory.Packages.props", "TorchSharpVersion")} needs", part, StringComparison.Ordinal);
        Assert.Contains($"\"nuget: libtorch-cpu-linux-x64, {LibtorchVersion}\"", part, StringComparison.Ordinal);
    }

    private static string NativeSystem => OperatingSystem.IsWindows() ? "win-x64" : OperatingSystem.IsMacOS() ? "osx-arm64" : "linux-x64";

    private static string PropertyOf(string file, string name) => XDocument.Load(Path.Combine(RepositoryRoot.Path, file)).Descendants(name).Single().Value;

    private static string Project(string properties, string package) => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <NuGetAudit>false</NuGetAudit>
            {properties}
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="{package}" />
          </ItemGroup>
          <Import Project="{RepositoryRoot.Path}/build/TorchSharp/IsVit.Core.targets" />
        </Project>
        """;

    private static void Write(TemporaryFolder folder, string name, string text) => folder.File(name, Encoding.UTF8.GetBytes(text));

    private static async Task<(int Code, string Output)> Run(string folder)
    {
        var start = new ProcessStartInfo("dotnet", ["msbuild", "all.proj", "-t:All", "-nologo", "-v:m", "-clp:NoSummary", "-nodeReuse:false"]) { WorkingDirectory = folder, RedirectStandardOutput = true };
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        using var program = Process.Start(start)!;
        var output = await program.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await program.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (program.ExitCode, output);
    }
}
