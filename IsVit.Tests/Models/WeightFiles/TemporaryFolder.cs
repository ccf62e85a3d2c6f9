using System.Buffers.Binary;
using System.Text;

namespace IsVit.Tests.Models.WeightFiles;

/// <summary>A folder that goes when the test ends, and the files that tests put there.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("isvit-weights-");

    public IEnumerable<string> Files => Directory.EnumerateFiles(_folder.FullName).Select(f => Path.GetFileName(f)!);

    public string this[string name] => Path.Combine(_folder.FullName, name);

    public string Bytes(string name, ReadOnlySpan<byte> content)
    {
        File.WriteAllBytes(this[name], content.ToArray());
        return this[name];
    }

    /// <summary>A safetensors file of the given header and as many bytes of data.</summary>
    public string Safetensors(string header, int dataLength)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var content = new byte[8 + json.Length + dataLength];
        BinaryPrimitives.WriteInt64LittleEndian(content, json.Length);
        json.CopyTo(content, 8);
        return Bytes("handmade.safetensors", content);
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
