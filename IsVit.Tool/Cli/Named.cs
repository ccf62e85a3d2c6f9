namespace IsVit.Tool.Cli;

/// <summary>A value with the name that the user gives it by, so that help shows a default as it can be typed.</summary>
/// <param name="Name">The name.</param>
/// <param name="Value">The value.</param>
internal readonly record struct Named<T>(string Name, T Value)
    where T : struct, Enum
{
    public static implicit operator T(Named<T> named) => named.Value;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
