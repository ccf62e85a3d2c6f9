// Compiled in two places: by MSBuild as an inline task (see IsVit.Core.targets), and into IsVit.Core, which has no MSBuild assemblies.
// The inline task sees netstandard2.0 and no implicit usings.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

#nullable enable

namespace IsVit.Build;

#if !ISVIT_WITHOUT_MSBUILD
/// <summary>Writes a copy of TorchSharp's native library that loads on systems with a libstdc++ older than GCC 13's.</summary>
public sealed class PatchTorchSharp : Microsoft.Build.Utilities.Task
{
    /// <summary>libLibTorchSharp.so as the package has it; never written to.</summary>
    [Microsoft.Build.Framework.Required]
    public string Source { get; set; } = "";

    /// <summary>Where the copy goes; replaced as a whole, so that a hard link to an older copy keeps its content.</summary>
    [Microsoft.Build.Framework.Required]
    public string Destination { get; set; } = "";

    /// <inheritdoc />
    public override bool Execute()
    {
        byte[] image = File.ReadAllBytes(Source);
        try
        {
            TorchSharpLibrary.LowerLibstdcxxRequirement(image);
        }
        catch (InvalidDataException e)
        {
            Log.LogWarning(
                "IsVit left {0} as it is, so TorchSharp may not load on a system whose libstdc++ lacks {1}: {2} (IsVitPatchTorchSharp=false silences this)",
                Source, TorchSharpLibrary.NewestVersion, e.Message);
            return true;
        }

        string temporary = Destination + ".new";
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(Destination))!);
        File.WriteAllBytes(temporary, image);
        File.Delete(Destination);
        File.Move(temporary, Destination);
        Log.LogMessage(
            Microsoft.Build.Framework.MessageImportance.High,
            "IsVit: TorchSharp's native library asks for {0}; this build uses a copy that asks for {1} (IsVitPatchTorchSharp=false switches this off): {2}",
            TorchSharpLibrary.NewestVersion, TorchSharpLibrary.LoweredVersion, Destination);
        return true;
    }
}
#endif

/// <summary>
/// libLibTorchSharp.so asks for two versions of libstdc++ that it can do without. GLIBCXX_3.4.32 (GCC 13) is there for
/// <c>std::ios_base_library_init()</c>, an empty function that &lt;iostream&gt; names to force link order and nothing calls. GLIBCXX_3.4.30 (GCC 12) is there for
/// <c>std::condition_variable::wait</c>, which every libstdc++ since GCC 4.4 also defines as of GLIBCXX_3.4.11.
/// </summary>
internal static class TorchSharpLibrary
{
    /// <summary>The newest version asked for, which marks the systems that need no patch: GCC 13 and later.</summary>
    public const string NewestVersion = "GLIBCXX_3.4.32";

    /// <summary>The newest version asked for afterwards: GCC 11.</summary>
    public const string LoweredVersion = "GLIBCXX_3.4.29";

    private const string Libstdcxx = "libstdc++.so.6";

    /// <summary>Rewrites the symbols and the requirements in <paramref name="image"/> that make it ask for more than <see cref="LoweredVersion"/>.</summary>
    /// <param name="image">The whole file; unchanged where an exception is thrown.</param>
    /// <exception cref="InvalidDataException">The file is not what is expected; the message says in what.</exception>
    public static void LowerLibstdcxxRequirement(byte[] image)
    {
        var elf = new ElfImage(image);
        List<VersionNeed> needs = elf.ReadVersionNeeds();
        VersionNeed lowered = Find(needs, Libstdcxx, LoweredVersion);

        // Any function of libc does in place of the empty one: neither is called. Its name has to end a string that the library holds.
        VersionNeed gcc13 = Find(needs, Libstdcxx, NewestVersion);
        int emptyFunction = FindOnlySymbol(elf, gcc13, "_ZSt21ios_base_library_initv");
        VersionNeed libc = Find(needs, "libc.so.6", "GLIBC_2.2.5");
        uint abs = elf.FindStringEndingWith("abs");

        VersionNeed gcc12 = Find(needs, Libstdcxx, "GLIBCXX_3.4.30");
        int wait = FindOnlySymbol(elf, gcc12, "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE");
        VersionNeed gcc44 = Find(needs, Libstdcxx, "GLIBCXX_3.4.11");

        elf.SetSymbolName(emptyFunction, abs);
        elf.SetSymbolVersion(emptyFunction, libc.Index);
        elf.SetSymbolVersion(wait, gcc44.Index);
        elf.SetVersionNeed(gcc13, lowered);
        elf.SetVersionNeed(gcc12, lowered);
    }

    private static VersionNeed Find(List<VersionNeed> needs, string library, string version)
    {
        List<VersionNeed> found = needs.FindAll(n => n.Library == library && n.Version == version);
        return found.Count == 1
            ? found[0]
            : throw new InvalidDataException($"expected one requirement of {version} from {library} in .gnu.version_r, found {found.Count}.");
    }

    private static int FindOnlySymbol(ElfImage elf, VersionNeed version, string name)
    {
        var found = new List<int>();
        for (int i = 0; i < elf.SymbolCount; i++)
        {
            if (elf.SymbolVersion(i) == version.Index)
            {
                found.Add(i);
            }
        }

        if (found.Count != 1 || elf.SymbolName(found[0]) != name || !elf.IsUndefined(found[0]))
        {
            throw new InvalidDataException(
                $"expected {name} alone to need {version.Version}, found [{string.Join(", ", found.ConvertAll(elf.SymbolName))}].");
        }

        return found[0];
    }
}

/// <summary>One entry of .gnu.version_r: a version that a library must define.</summary>
internal sealed class VersionNeed
{
    public VersionNeed(string library, string version, ushort index, long offset) =>
        (Library, Version, Index, Offset) = (library, version, index, offset);

    public string Library { get; }

    public string Version { get; }

    public ushort Index { get; }

    public long Offset { get; }
}

/// <summary>The parts of a little-endian 64-bit ELF file that symbol versions are kept in, every offset checked.</summary>
internal sealed class ElfImage
{
    private const uint DynamicSymbols = 11, StringTable = 3, VersionNeeds = 0x6ffffffe, SymbolVersions = 0x6fffffff;
    private const int SectionHeaderSize = 64, SymbolSize = 24, NeedSize = 16;

    private readonly byte[] _image;
    private readonly Section _symbols, _strings, _needs, _versions;

    public ElfImage(byte[] image)
    {
        _image = image;
        bool is64BitLittleEndian = image.Length >= 64 && U32(0) == 0x464c457f && image[4] == 2 && image[5] == 1;
        if (!is64BitLittleEndian || !BitConverter.IsLittleEndian)
        {
            throw new InvalidDataException("not a 64-bit little-endian ELF file.");
        }

        if (U16(58) != SectionHeaderSize)
        {
            throw new InvalidDataException($"section headers of {U16(58)} bytes, expected {SectionHeaderSize}.");
        }

        var sections = new List<Section>();
        for (int i = 0; i < U16(60); i++)
        {
            sections.Add(ReadSection((long)U64(40) + (long)i * SectionHeaderSize));
        }

        _symbols = Single(sections, DynamicSymbols, ".dynsym");
        _needs = Single(sections, VersionNeeds, ".gnu.version_r");
        _versions = Single(sections, SymbolVersions, ".gnu.version");
        if (_symbols.Link >= sections.Count || sections[(int)_symbols.Link].Type != StringTable || _needs.Link != _symbols.Link)
        {
            throw new InvalidDataException(".dynsym and .gnu.version_r do not share one string table.");
        }

        _strings = sections[(int)_symbols.Link];
        if (_versions.Size / 2 != _symbols.Size / SymbolSize)
        {
            throw new InvalidDataException($".gnu.version has {_versions.Size / 2} entries for the {SymbolCount} symbols of .dynsym.");
        }
    }

    public int SymbolCount => (int)(_symbols.Size / SymbolSize);

    public string SymbolName(int symbol) => String(U32(_symbols.Offset + (long)symbol * SymbolSize));

    public bool IsUndefined(int symbol) => U16(_symbols.Offset + (long)symbol * SymbolSize + 6) == 0;

    // The top bit marks a hidden version.
    public ushort SymbolVersion(int symbol) => (ushort)(U16(_versions.Offset + symbol * 2L) & 0x7fff);

    public List<VersionNeed> ReadVersionNeeds()
    {
        var needs = new List<VersionNeed>();
        long library = 0;
        for (uint i = 0; i < _needs.Info; i++)
        {
            long need = Within(_needs, library, NeedSize);
            long version = library + U32(need + 8);
            for (int j = 0; j < U16(need + 2); j++)
            {
                long entry = Within(_needs, version, NeedSize);
                needs.Add(new VersionNeed(String(U32(need + 4)), String(U32(entry + 8)), (ushort)(U16(entry + 6) & 0x7fff), entry));
                version += U32(entry + 12);
            }

            library += U32(need + 12);
        }

        return needs;
    }

    /// <summary>The offset in .dynstr at which <paramref name="text"/> stands, alone or as the end of a longer string.</summary>
    public uint FindStringEndingWith(string text)
    {
        byte[] wanted = Encoding.ASCII.GetBytes(text + "\0");
        for (long at = 0; at + wanted.Length <= _strings.Size; at++)
        {
            int matched = 0;
            while (matched < wanted.Length && _image[_strings.Offset + at + matched] == wanted[matched])
            {
                matched++;
            }

            if (matched == wanted.Length)
            {
                return (uint)at;
            }
        }

        throw new InvalidDataException($"no string of .dynstr ends in '{text}'.");
    }

    /// <summary>Makes one entry ask for the version of another: its hash and its name.</summary>
    public void SetVersionNeed(VersionNeed entry, VersionNeed asked)
    {
        Buffer.BlockCopy(_image, (int)asked.Offset, _image, (int)entry.Offset, 4);
        Buffer.BlockCopy(_image, (int)asked.Offset + 8, _image, (int)entry.Offset + 8, 4);
    }

    public void SetSymbolName(int symbol, uint name) =>
        BitConverter.GetBytes(name).CopyTo(_image, _symbols.Offset + (long)symbol * SymbolSize);

    public void SetSymbolVersion(int symbol, ushort version) =>
        BitConverter.GetBytes(version).CopyTo(_image, _versions.Offset + symbol * 2L);

    private static Section Single(List<Section> sections, uint type, string name)
    {
        List<Section> found = sections.FindAll(s => s.Type == type);
        return found.Count == 1 ? found[0] : throw new InvalidDataException($"expected one section {name}, found {found.Count}.");
    }

    private Section ReadSection(long header)
    {
        Within(header, SectionHeaderSize);
        var section = new Section(
            type: U32(header + 4), offset: (long)U64(header + 24), size: (long)U64(header + 32), link: U32(header + 40), info: U32(header + 44));
        const uint noBits = 8;
        if (section.Type != noBits)
        {
            Within(section.Offset, section.Size);
        }

        return section;
    }

    private string String(uint offset)
    {
        long start = Within(_strings, offset, 1);
        long end = start;
        while (end < _strings.Offset + _strings.Size && _image[end] != 0)
        {
            end++;
        }

        return Encoding.ASCII.GetString(_image, (int)start, (int)(end - start));
    }

    private static long Within(Section section, long offset, long size)
    {
        if (offset < 0 || offset + size > section.Size)
        {
            throw new InvalidDataException($"an entry at {offset} leaves its section of {section.Size} bytes.");
        }

        return section.Offset + offset;
    }

    private void Within(long offset, long size)
    {
        if (offset < 0 || size < 0 || size > _image.Length || offset > _image.Length - size)
        {
            throw new InvalidDataException($"{size} bytes at {offset} lie outside the file of {_image.Length} bytes.");
        }
    }

    private ushort U16(long offset)
    {
        Within(offset, 2);
        return BitConverter.ToUInt16(_image, (int)offset);
    }

    private uint U32(long offset)
    {
        Within(offset, 4);
        return BitConverter.ToUInt32(_image, (int)offset);
    }

    private ulong U64(long offset)
    {
        Within(offset, 8);
        return BitConverter.ToUInt64(_image, (int)offset);
    }

    private readonly struct Section
    {
        public Section(uint type, long offset, long size, uint link, uint info) =>
            (Type, Offset, Size, Link, Info) = (type, offset, size, link, info);

        public uint Type { get; }

        public long Offset { get; }

        public long Size { get; }

        public uint Link { get; }

        public uint Info { get; }
    }
}
