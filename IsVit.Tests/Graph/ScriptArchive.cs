using System.IO.Compression;
using System.Text;

namespace IsVit.Tests.Graph;

/// <summary>The smallest file that torch.jit loads: a module that returns its input.</summary>
internal static class ScriptArchive
{
    public static byte[] Identity()
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("version", "3\n"u8);
            Add("data.pkl", [0x80, 2, .. "c__torch__\nM\nq\0)"u8, 0x81, .. "}(X"u8, 8, 0, 0, 0, .. "trainingq\u0001"u8, 0x88, .. "ubq\u0002."u8]);
            Add("constants.pkl", [0x80, 2, .. ")."u8]);
            Add("code/__torch__.py", Encoding.UTF8.GetBytes(
                "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n    return x\n"));

            void Add(string name, ReadOnlySpan<byte> content)
            {
                using var entry = archive.CreateEntry($"module/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }
}
