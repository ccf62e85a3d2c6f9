using IsVit.Core.Quantization;
using Mono.Cecil;

namespace IsVit.Tests.Architecture;

/// <summary>Model, then Core, then Quantizers, then Optimization, then what runs: every arrow points down this list.</summary>
public sealed class DirectionTests
{
    [Theory]
    [InlineData("IsVit.Model")]
    [InlineData("IsVit.Runtime", "IsVit.Model")]
    [InlineData("IsVit.Runtime.DependencyInjection", "IsVit.Runtime")]
    [InlineData("IsVit.Cluster", "IsVit.Model")]
    [InlineData("IsVit.Cluster.S3", "IsVit.Cluster")]
    [InlineData("IsVit.Core", "IsVit.Model")]
    [InlineData("IsVit.Quantizers", "IsVit.Core", "IsVit.Model")]
    [InlineData("IsVit.Optimization", "IsVit.Core", "IsVit.Model", "IsVit.Quantizers")]
    [InlineData("IsVit.Detection", "IsVit.Core", "IsVit.Model", "IsVit.Quantizers")]
    [InlineData("IsVit.Reports", "IsVit.Core", "IsVit.Model", "IsVit.Optimization")]
    [InlineData("IsVit.Onnx", "IsVit.Core", "IsVit.Detection", "IsVit.Model", "IsVit.Optimization", "IsVit.Quantizers")]
    public void Assembly_References_OnlyLibrariesBelow(string name, params string[] below)
    {
        using var library = new LibraryAssembly(name);

        Assert.Equal(below, library.References.Where(r => r.StartsWith("IsVit.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    /// <summary>No folder needs, by whatever way, one that needs it.</summary>
    [Theory]
    [MemberData(nameof(LibraryAssembly.All), MemberType = typeof(LibraryAssembly))]
    [InlineData("isvit")]
    public void Folders_OfALibraryOrTheTool_FormNoCircle(string name)
    {
        var arrows = ArrowsWithin(name);
        var left = arrows.Select(static arrow => arrow.From).Concat(arrows.Select(static arrow => arrow.To)).ToHashSet(StringComparer.Ordinal);

        // Folders that need none of those that are left, or are needed by none of them, are in no circle.
        while (left.RemoveWhere(folder => !arrows.Exists(arrow => arrow.From == folder && left.Contains(arrow.To)) || !arrows.Exists(arrow => arrow.To == folder && left.Contains(arrow.From))) > 0)
        {
        }

        Assert.True(left.Count == 0, string.Join('\n', arrows.Where(arrow => left.Contains(arrow.From) && left.Contains(arrow.To)).Select(static arrow => $"{arrow.From} => {arrow.To}: {arrow.By}").Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void ModelFolders_Reference_OnlyFoldersBelow()
    {
        var below = new Dictionary<string, string[]>
        {
            ["IsVit.Model"] = [],
            ["IsVit.Model.Architectures"] = [],
            ["IsVit.Model.Imaging"] = [],
            ["IsVit.Model.Statistics"] = [],
            ["IsVit.Model.Files"] = [],
            ["IsVit.Model.Quantization"] = [],
            ["IsVit.Model.Saved"] = ["IsVit.Model.Architectures", "IsVit.Model.Files", "IsVit.Model.Imaging", "IsVit.Model.Quantization", "IsVit.Model.Statistics"],
        };

        // Sites, and what all exceptions have in common, are below everything.
        Assert.Equal([], ArrowsWithin("IsVit.Model").Where(arrow => arrow.To != "IsVit.Model" && !below[arrow.From].Contains(arrow.To)).Select(arrow => $"{arrow.From}: {arrow.By}"));
    }

    [Fact]
    public void CoreFolders_Reference_OnlyFoldersBelow()
    {
        var below = new Dictionary<string, string[]>
        {
            ["IsVit.Build"] = [],
            ["IsVit.Core.Arithmetic"] = [],
            ["IsVit.Core.Html"] = [],
            ["IsVit.Core.Loading"] = ["IsVit.Build"],
            ["IsVit.Core.Memory"] = [],
            ["IsVit.Core.Quantization"] = ["IsVit.Core.Arithmetic"],
            ["IsVit.Core.Imaging"] = ["IsVit.Core.Arithmetic"],
            ["IsVit.Core.Samples"] = ["IsVit.Core.Imaging"],
            ["IsVit.Core.Graph"] = ["IsVit.Core.Arithmetic", "IsVit.Core.Html", "IsVit.Core.Memory", "IsVit.Core.Quantization", "IsVit.Core.Samples"],
            ["IsVit.Core.Coverage"] = ["IsVit.Core.Graph", "IsVit.Core.Html", "IsVit.Core.Quantization", "IsVit.Core.Samples"],
            ["IsVit.Core.Models.WeightFiles.PyTorch"] = [],
            ["IsVit.Core.Models.WeightFiles"] = ["IsVit.Core.Models.WeightFiles.PyTorch"],
            ["IsVit.Core.Models"] = ["IsVit.Core.Arithmetic", "IsVit.Core.Graph", "IsVit.Core.Imaging", "IsVit.Core.Models.WeightFiles", "IsVit.Core.Quantization"],
            ["IsVit.Core.Models.Pretrained"] = ["IsVit.Core.Models", "IsVit.Core.Models.WeightFiles"],
        };

        Assert.Equal([], ArrowsWithin("IsVit.Core").Where(arrow => !below[arrow.From].Contains(arrow.To)).Select(arrow => $"{arrow.From}: {arrow.By}"));
    }

    [Fact]
    public void QuantizerFolders_Reference_NoOtherQuantizersFolder()
    {
        using var library = new LibraryAssembly("IsVit.Quantizers");
        string[] folders = [.. Concrete(library).Select(type => type.Namespace).Distinct()];

        // Log-sqrt2 is log2 with half the step, and takes its scale from there.
        Assert.Equal(
            ["IsVit.Quantizers.LogSqrt2 -> IsVit.Quantizers.Log2"],
            ArrowsWithin("IsVit.Quantizers").Where(arrow => folders.Contains(arrow.From) && folders.Contains(arrow.To)).Select(arrow => $"{arrow.From} -> {arrow.To}").Distinct());
    }

    [Fact]
    public void Optimization_OutsideTheCatalogue_NamesNoConcreteQuantizer()
    {
        using var quantizers = new LibraryAssembly("IsVit.Quantizers");
        using var optimization = new LibraryAssembly("IsVit.Optimization");
        HashSet<string> concrete = [.. Concrete(quantizers).Select(type => type.FullName)];

        Assert.True(concrete.Count >= 10, $"found {concrete.Count} quantizers and factories, expected five of each at least.");
        Assert.Equal(
            [],
            from type in optimization.Types
            where !type.Namespace.EndsWith(".Catalogue", StringComparison.Ordinal)
            from named in LibraryAssembly.NamedBy(type)
            where concrete.Contains(named.FullName)
            select $"{type.FullName} -> {named.FullName}");
    }

    private static IEnumerable<TypeDefinition> Concrete(LibraryAssembly library)
    {
        string[] contracts = [typeof(IQuantizer).FullName!, typeof(IQuantizerFactory).FullName!];
        return library.Types.Where(type => !type.IsAbstract && BasesOf(type).SelectMany(t => t.Interfaces).Any(i => contracts.Contains(i.InterfaceType.FullName)));
    }

    private static IEnumerable<TypeDefinition> BasesOf(TypeDefinition type)
    {
        for (TypeDefinition? t = type; t is not null; t = t.BaseType is TypeDefinition inThisLibrary ? inThisLibrary : null)
        {
            yield return t;
        }
    }

    private static List<(string From, string To, string By)> ArrowsWithin(string name)
    {
        using var library = new LibraryAssembly(name);
        var own = library.Types.Select(static type => type.Namespace).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. from type in library.Types
               from named in LibraryAssembly.NamedBy(type)
               where own.Contains(named.Namespace) && named.Namespace != type.Namespace
               select (type.Namespace, named.Namespace, $"{type.Name} -> {named.Name}"),
        ];
    }
}
