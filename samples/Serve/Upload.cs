using Microsoft.AspNetCore.Http;

namespace Serve;

/// <summary>Reads the image of a request.</summary>
internal static class Upload
{
    /// <summary>The first file of a form, or the body.</summary>
    /// <exception cref="RefusedException">The body is empty, too long, no form, without a file, or took too long.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest request, ServeOptions options, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(options.UploadSeconds));
        try
        {
            return await ReadAsync(request, patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RefusedException(StatusCodes.Status408RequestTimeout, FormattableString.Invariant($"The image did not arrive within {options.UploadSeconds} s."));
        }
        catch (BadHttpRequestException e)
        {
            throw new RefusedException(e.StatusCode, e.StatusCode == StatusCodes.Status413PayloadTooLarge ? FormattableString.Invariant($"The request is longer than {options.MaxBytes} bytes.") : e.Message);
        }
        catch (Exception e) when (e is InvalidDataException or IOException && !cancellationToken.IsCancellationRequested)
        {
            throw new RefusedException(StatusCodes.Status400BadRequest, $"The form cannot be read: {e.Message}");
        }
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        // curl --data-binary calls whatever it sends a form of the other kind.
        if (request.ContentType?.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase) != true)
        {
            return await ReadAsync(request.Body, request.ContentLength ?? 0, "The body is empty; expected the content of an image file.", cancellationToken);
        }

        var form = await request.ReadFormAsync(cancellationToken);
        var file = form.Files.Count > 0 ? form.Files[0] : throw new RefusedException(StatusCodes.Status400BadRequest, "The form has no file.");
        await using var content = file.OpenReadStream();
        return await ReadAsync(content, file.Length, "The file of the form is empty.", cancellationToken);
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(Stream from, long length, string ifEmpty, CancellationToken cancellationToken)
    {
        // The length that a client claims is a hint alone: the room grows with what arrives.
        var content = new MemoryStream((int)Math.Min(length, 1 << 20));
        await from.CopyToAsync(content, cancellationToken);
        return content.Length > 0 ? content.GetBuffer().AsMemory(0, (int)content.Length) : throw new RefusedException(StatusCodes.Status400BadRequest, ifEmpty);
    }
}
