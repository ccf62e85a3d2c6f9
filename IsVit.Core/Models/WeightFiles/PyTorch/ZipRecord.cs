namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>A file in a zip archive that is stored as it is.</summary>
/// <param name="Name">The name.</param>
/// <param name="Offset">Its first byte in the archive.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Checksum">Its CRC-32.</param>
internal sealed record ZipRecord(string Name, long Offset, long Length, uint Checksum);
