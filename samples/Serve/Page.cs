using Microsoft.AspNetCore.Http;

namespace Serve;

/// <summary>The page on which images are dropped.</summary>
internal static class Page
{
    private static readonly byte[] s_content = Read();

    public static IResult Get(HttpContext context)
    {
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        return Results.Bytes(s_content, "text/html; charset=utf-8");
    }

    private static byte[] Read()
    {
        using var resource = typeof(Page).Assembly.GetManifestResourceStream("Serve.index.html")!;
        using var content = new MemoryStream();
        resource.CopyTo(content);
        return content.ToArray();
    }
}
