using System.Runtime.InteropServices;
using System.Text;
using IsVit.Build;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Build;

/// <summary>On the file as TorchSharp ships it, which stands in the package cache of every machine that built the tests.</summary>
public sealed class TorchSharpLibraryTests
{
    internal static string ShippedPath { get; } = Path.Combine(
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages"),
        "torchsharp",
        typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3),
        "runtimes",
        "linux-x64",
        "native",
        "libLibTorchSharp.so");

    [Fact]
    public void LowerLibstdcxxRequirement_ShippedFile_AsksForNothingNewerThanGcc11()
    {
        byte[] image = Shipped();

        TorchSharpLibrary.LowerLibstdcxxRequirement(image);

        List<VersionNeed> needs = new ElfImage(image).ReadVersionNeeds();
        IEnumerable<int> glibcxx = needs.Where(n => n.Version.StartsWith("GLIBCXX_3.4.", StringComparison.Ordinal))
            .Select(n => int.Parse(n.Version["GLIBCXX_3.4.".Length..], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(29, glibcxx.Max());
    }

    [Fact]
    public void LowerLibstdcxxRequirement_ShippedFile_ChangesNoMoreThanItsFields()
    {
        byte[] before = Shipped();
        byte[] after = Shipped();

        TorchSharpLibrary.LowerLibstdcxxRequirement(after);

        // One name of four bytes, two version indices of two, and two requirements of a hash and a name.
        Assert.Equal(before.Length, after.Length);
        Assert.InRange(before.Zip(after).Count(pair => pair.First != pair.Second), 1, 4 + 2 * 2 + 2 * 8);
    }

    [Fact]
    public void LowerLibstdcxxRequirement_ShippedFile_RebindsTheTwoSymbolsOnly()
    {
        byte[] image = Shipped();
        var before = new ElfImage(Shipped());

        TorchSharpLibrary.LowerLibstdcxxRequirement(image);

        var after = new ElfImage(image);
        Assert.Equal(before.SymbolCount, after.SymbolCount);
        int[] changed = [.. Enumerable.Range(0, before.SymbolCount)
            .Where(i => before.SymbolName(i) != after.SymbolName(i) || before.SymbolVersion(i) != after.SymbolVersion(i))];
        Assert.Equal(
            ["_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE", "_ZSt21ios_base_library_initv"],
            changed.Select(before.SymbolName).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE GLIBCXX_3.4.11", "abs GLIBC_2.2.5"],
            changed.Select(i => $"{after.SymbolName(i)} {after.ReadVersionNeeds().Single(n => n.Index == after.SymbolVersion(i)).Version}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void LowerLibstdcxxRequirement_Twice_RefusesAndLeavesTheFileAlone()
    {
        byte[] image = Shipped();
        TorchSharpLibrary.LowerLibstdcxxRequirement(image);
        byte[] patched = [.. image];

        var refusal = Assert.Throws<InvalidDataException>(() => TorchSharpLibrary.LowerLibstdcxxRequirement(image));

        Assert.Contains("expected one requirement of GLIBCXX_3.4.29 from libstdc++.so.6 in .gnu.version_r, found 3", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(patched, image);
    }

    [Fact]
    public void LowerLibstdcxxRequirement_AnotherSymbolNeedsTheVersion_NamesIt()
    {
        byte[] image = Shipped();
        var elf = new ElfImage(image);
        ushort newest = elf.ReadVersionNeeds().Single(n => n.Version == TorchSharpLibrary.NewestVersion).Index;
        int other = Enumerable.Range(1, elf.SymbolCount - 1).First(i => elf.IsUndefined(i) && elf.SymbolVersion(i) != newest);
        elf.SetSymbolVersion(other, newest);

        var refusal = Assert.Throws<InvalidDataException>(() => TorchSharpLibrary.LowerLibstdcxxRequirement(image));

        Assert.Contains(elf.SymbolName(other), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LowerLibstdcxxRequirement_NotAnElfFile_SaysSo()
    {
        byte[][] images = [[], new byte[63], Encoding.ASCII.GetBytes(new string('x', 4096))];

        Assert.All(images, image =>
        {
            var refusal = Assert.Throws<InvalidDataException>(() => TorchSharpLibrary.LowerLibstdcxxRequirement(image));
            Assert.Contains("not a 64-bit little-endian ELF file", refusal.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void LowerLibstdcxxRequirement_TruncatedAnywhere_RefusesAndLeavesTheFileAlone()
    {
        byte[] shipped = Shipped();
        int[] lengths = [64, 4096, shipped.Length / 2, shipped.Length - 1];

        Assert.All(lengths, length =>
        {
            byte[] image = shipped[..length];
            Assert.Throws<InvalidDataException>(() => TorchSharpLibrary.LowerLibstdcxxRequirement(image));
            Assert.Equal(shipped[..length], image);
        });
    }

    [Fact]
    public void LowerLibstdcxxRequirement_DamagedFields_RefusesAndNothingElse()
    {
        byte[] shipped = Shipped();
        var random = new Random(1);
        int sectionHeaders = BitConverter.ToInt32(shipped, 40);
        for (int run = 0; run < 300; run++)
        {
            byte[] image = [.. shipped];
            int at = random.Next(2) == 0 ? random.Next(16, 64) : sectionHeaders + random.Next(8 * 64);
            image[at] ^= (byte)(1 << random.Next(8));
            try
            {
                TorchSharpLibrary.LowerLibstdcxxRequirement(image);
            }
            catch (InvalidDataException)
            {
                // A refusal; any other exception fails the test.
            }
        }
    }

    [Fact]
    public void Patch_OnThisSystem_TorchSharpLoads()
    {
        using var generated = Seeded.Normal(1, 3);

        Assert.Equal(3, generated.numel());
    }

    private static byte[] Shipped()
    {
        if (!File.Exists(ShippedPath))
        {
            Assert.Skip($"{ShippedPath} is absent: the package cache is elsewhere ({RuntimeInformation.RuntimeIdentifier}).");
        }

        return File.ReadAllBytes(ShippedPath);
    }
}
