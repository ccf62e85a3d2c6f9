namespace IsVit.Core.Imaging;

/// <summary>Which image files <see cref="ImageDecoder"/> accepts and how it decodes them.</summary>
public sealed record ImageDecoderOptions
{
    private readonly long _maxPixels = 89_478_485;
    private readonly int _maxFileBytes = 256 << 20;

    /// <summary>
    /// Whether to apply the EXIF orientation of a JPEG or WebP file. Off by default, because the pipelines that models were trained with (Pillow, torchvision,
    /// timm) ignore it.
    /// </summary>
    public bool ApplyOrientation { get; init; }

    /// <summary>
    /// The largest width x height that is decoded, 1 to 500,000,000, because a small file can declare a huge image. 89,478,485 by default, the size above which Pillow warns.
    /// </summary>
    public long MaxPixels
    {
        get => _maxPixels;
        init => _maxPixels = value is >= 1 and <= 500_000_000
            ? value
            : throw new ArgumentOutOfRangeException(nameof(MaxPixels), value, "MaxPixels is 1 to 500,000,000.");
    }

    /// <summary>The largest file in bytes that is read, at least 1; 256 MiB by default.</summary>
    public int MaxFileBytes
    {
        get => _maxFileBytes;
        init => _maxFileBytes = value >= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(MaxFileBytes), value, "MaxFileBytes is at least 1.");
    }
}
