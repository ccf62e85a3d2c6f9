using System.CommandLine;

namespace IsVit.Tool.Cli;

/// <summary>Options that hold a name or a path.</summary>
internal static class PathOptions
{
    /// <summary>An option that must be given.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="placeholder">What help shows for the value.</param>
    /// <param name="description">What it is.</param>
    public static Option<string> Required(string name, string placeholder, string description) =>
        new Option<string>(name) { Description = description, HelpName = placeholder, Required = true }.NotEmpty();

    /// <summary>An option that may be left out.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="placeholder">What help shows for the value.</param>
    /// <param name="description">What it is.</param>
    public static Option<string?> Optional(string name, string placeholder, string description) =>
        new Option<string?>(name) { Description = description, HelpName = placeholder }.NotEmpty();

    /// <summary>An option with a default.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="placeholder">What help shows for the value.</param>
    /// <param name="description">What it is.</param>
    /// <param name="defaultValue">When it is not given.</param>
    public static Option<string> Default(string name, string placeholder, string description, string defaultValue) =>
        new Option<string>(name) { Description = description, HelpName = placeholder, DefaultValueFactory = _ => defaultValue }.NotEmpty();

    /// <summary>Image files, any number from one on. What begins with two dashes is a misspelt option, which would count as an image.</summary>
    /// <param name="description">What they may be.</param>
    public static Argument<string[]> Images(string description)
    {
        var images = new Argument<string[]>("IMAGE") { Description = description, Arity = ArgumentArity.OneOrMore };
        images.Validators.Add(static result =>
        {
            if (result.Tokens.FirstOrDefault(static token => token.Value.StartsWith("--", StringComparison.Ordinal)) is { } option)
            {
                result.AddError($"'{option.Value}' is no option of this command, and no image: a file of that name is written ./{option.Value}.");
            }
        });
        return images;
    }

    /// <summary>Whether an option's value is the path of a file or a folder, by what help shows for it.</summary>
    /// <param name="option">The option.</param>
    public static bool IsPath(Option option) => option.HelpName is "FILE" or "DIR" or "CSV";

    private static Option<T> NotEmpty<T>(this Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(static t => string.IsNullOrWhiteSpace(t.Value)))
            {
                result.AddError($"{option.Name} is empty.");
            }
        });
        return option;
    }
}
