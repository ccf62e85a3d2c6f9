using System.CommandLine;
using Microsoft.Extensions.Configuration;

namespace IsVit.Tool.Cli;

/// <summary>The file that options of a command are taken from.</summary>
internal sealed class ConfigOption : Option<string?>
{
    private const string OptionName = "--config";

    /// <summary>Makes the option.</summary>
    /// <param name="takesEngineKeys">Whether the file may also have what <c>AddIsVitQuantization</c> takes from a configuration.</param>
    public ConfigOption(bool takesEngineKeys = false)
        : base(OptionName)
    {
        TakesEngineKeys = takesEngineKeys;
        HelpName = "FILE";
        Description = $"Take options from this file, .yaml or .json, whose keys are the names of options{(takesEngineKeys ? " here and in the library" : "")}; what is given here as well wins, and paths in the file are relative to its folder";
    }

    /// <summary>Whether the file may also have keys of the engine's options.</summary>
    public bool TakesEngineKeys { get; }

    /// <summary>Options that stand for others: where one is given, the file's others do not count.</summary>
    public IReadOnlyList<(Option One, Option[] Others)> Alternatives { get; init; } = [];

    /// <summary>What the file that was read has for the engine and no option of the tool has; null for none.</summary>
    public IConfiguration? Engine { get; set; }
}
