using IsVit.Model;

namespace IsVit.Core.Imaging;

/// <summary>An image, a list of images or their labels cannot be read; the message contains the file, what was found and what was expected.</summary>
public sealed class ImageException : IsVitException
{
    /// <summary>Creates an exception.</summary>
    /// <param name="path">The file or folder concerned.</param>
    /// <param name="reason">What is wrong with it.</param>
    /// <param name="innerException">The cause, if any.</param>
    public ImageException(string path, string reason, Exception? innerException = null)
        : base($"'{path}': {reason}", innerException)
    {
        Path = path;
        Reason = reason;
    }

    /// <summary>The file or folder concerned.</summary>
    public string Path { get; }

    /// <summary>What is wrong with it.</summary>
    public string Reason { get; }
}
