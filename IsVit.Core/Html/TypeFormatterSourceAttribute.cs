namespace IsVit.Core.Html;

/// <summary>Names what writes objects of a class as HTML. .NET Interactive looks for an attribute of this name, whichever library declares it, so that none of its packages is needed.</summary>
/// <param name="formatterSourceType">A class with a <c>CreateTypeFormatters</c>.</param>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class TypeFormatterSourceAttribute(Type formatterSourceType) : Attribute
{
    /// <summary>The class; found by this name.</summary>
    public Type FormatterSourceType { get; } = formatterSourceType;
}
