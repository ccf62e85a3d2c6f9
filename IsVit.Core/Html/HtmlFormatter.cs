namespace IsVit.Core.Html;

/// <summary>Writes objects of a class as HTML. Notebooks find it through <see cref="TypeFormatterSourceAttribute"/> and use its members by their names.</summary>
/// <typeparam name="T">The class.</typeparam>
internal abstract class HtmlFormatter<T>
    where T : class
{
    /// <summary>What is written.</summary>
    public string MimeType { get; } = "text/html";

    /// <summary>The formatters, one for each kind of text.</summary>
    public IEnumerable<object> CreateTypeFormatters() => [this];

    /// <summary>Writes an object.</summary>
    /// <returns>Whether it was one of the class.</returns>
    public bool Format(object instance, TextWriter writer)
    {
        if (instance is not T value)
        {
            return false;
        }

        Write(value, new HtmlWriter(writer));
        return true;
    }

    /// <summary>Writes an object.</summary>
    protected abstract void Write(T value, HtmlWriter html);
}
