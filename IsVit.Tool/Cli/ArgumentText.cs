using System.CommandLine.Parsing;

namespace IsVit.Tool.Cli;

/// <summary>What was written behind an option.</summary>
internal static class ArgumentText
{
    /// <summary>The one text that was given; empty if there was none.</summary>
    /// <param name="result">What was parsed.</param>
    public static string Of(ArgumentResult result) => result.Tokens.Count == 1 ? result.Tokens[0].Value : string.Empty;
}
