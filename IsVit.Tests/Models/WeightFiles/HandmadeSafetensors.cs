using System.Buffers.Binary;
using System.Text;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Models.WeightFiles;

internal static class HandmadeSafetensors
{
    /// <summary>Writes a safetensors file of the given header and as many bytes of data.</summary>
    public static string Safetensors(this TemporaryFolder folder, string header, int dataLength)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var content = new byte[8 + json.Length + dataLength];
        BinaryPrimitives.WriteInt64LittleEndian(content, json.Length);
        json.CopyTo(content, 8);
        return folder.File("handmade.safetensors", content);
    }
}
