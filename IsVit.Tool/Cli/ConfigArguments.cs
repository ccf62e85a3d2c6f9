using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using IsVit.Core.Models;
using IsVit.Tool.RunFiles;
using Microsoft.Extensions.Configuration;

namespace IsVit.Tool.Cli;

/// <summary>Arguments of a command that stand in a file.</summary>
internal sealed class ConfigArguments
{
    private readonly string _path;
    private readonly ConfigOption _config;
    private readonly IConfigurationRoot _keys;
    private readonly Dictionary<string, Option> _options;
    private readonly Dictionary<Option, string> _keyOf = [];
    private readonly HashSet<string> _used = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<(Option Option, string Argument)> _arguments = [];

    private ConfigArguments(string path, Command command, ConfigOption config)
    {
        (_path, _config, _keys) = (path, config, RunFile.Read(path));
        _options = command.Options.Where(option => option != config).ToDictionary(KeyOf, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Reads the file that a command line names, and adds its options to those given.</summary>
    /// <param name="root">The root command.</param>
    /// <param name="args">The arguments after the program's name.</param>
    /// <param name="parsed">What they are.</param>
    /// <returns>What they are with the file's; the same if no file is named.</returns>
    /// <exception cref="ToolException">The file cannot be read, or holds a key or a value that is not allowed.</exception>
    public static ParseResult Expand(RootCommand root, string[] args, ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.Action is RootHelp || command.Options.OfType<ConfigOption>().SingleOrDefault() is not { } config || parsed.GetResult(config) is not { Tokens: [{ Value.Length: > 0 } token] })
        {
            return parsed;
        }

        var file = new ConfigArguments(token.Value, command, config);
        file.Read();
        bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };
        var replaced = config.Alternatives.SelectMany(entry => (IsGiven(entry.One) ? entry.Others : []).Concat(entry.Others.Any(IsGiven) ? [entry.One] : [])).ToHashSet();
        var added = file._arguments.Where(entry => !IsGiven(entry.Option) && !replaced.Contains(entry.Option)).Select(static entry => entry.Argument);
        var end = Array.IndexOf(args, "--") is var at and >= 0 ? at : args.Length;
        return root.Parse([.. args[..end], .. added, .. args[end..]]);
    }

    /// <summary>What a file has for one option, by whichever of its names.</summary>
    /// <param name="path">The file.</param>
    /// <param name="option">The option.</param>
    /// <returns>Null for nothing, or if the file cannot be read.</returns>
    public static string? Peek(string path, Option option)
    {
        try
        {
            var keys = RunFile.Read(path);
            return keys[KeyOf(option)] ?? EngineKeys.ToolNames.Where(entry => entry.Value == KeyOf(option)).Select(entry => keys[entry.Key]).FirstOrDefault();
        }
        catch (ToolException)
        {
            return null;
        }
    }

    private static string KeyOf(Option option) => option.Name.TrimStart('-');

    private void Read()
    {
        foreach (var (key, option) in _options)
        {
            Take(key, option);
        }

        foreach (var (key, name) in EngineKeys.ToolNames)
        {
            if (_options.TryGetValue(name, out var option))
            {
                Take(key, option);
            }
        }

        var rest = _keys.AsEnumerable().Where(entry => !_used.Contains(entry.Key)).ToList();
        string[] known = [.. _options.Keys, .. _config.TakesEngineKeys ? EngineKeys.Names : EngineKeys.ToolNames.Where(entry => _options.ContainsKey(entry.Value)).Select(static entry => entry.Key.Split(ConfigurationPath.KeyDelimiter)[0])];
        foreach (var name in rest.Select(static entry => entry.Key.Split(ConfigurationPath.KeyDelimiter)[0]).Where(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase)))
        {
            throw new ToolException($"{_path}: there is no option '{name}'; {Meant(known, name)}");
        }

        // Sections that hold other keys are keys themselves.
        if (rest.Exists(static entry => entry.Value is not null))
        {
            var engine = new ConfigurationBuilder().AddInMemoryCollection(rest).Build();
            if (!_config.TakesEngineKeys)
            {
                throw new ToolException($"{_path}: there is no option '{rest.First(static entry => entry.Value is not null).Key}' here; allowed are the names of this command's options.");
            }

            EngineKeys.Require(_path, engine);
            _config.Engine = engine;
        }
    }

    private static string Meant(string[] known, string name) => EngineKeys.ClosestSection(name) is { } inside ? $"did you mean '{inside}'?"
        : ModelCatalog.Closest(known, name) is { Count: > 0 } closest ? $"did you mean {string.Join(" or ", closest.Select(static text => $"'{text}'"))}?"
        : "allowed are the names of this command's options, without dashes.";

    private void Take(string key, Option option)
    {
        // An option of a tool may be called like a section of the engine's: items are its own, other keys below it are not.
        var section = _keys.GetSection(key);
        var items = section.GetChildren().Where(static child => int.TryParse(child.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _)).ToList();
        if (section.Value is not null || items.Count > 0 || !section.GetChildren().Any())
        {
            _used.Add(section.Path);
        }

        _used.UnionWith(items.Select(static item => item.Path));
        string[] values = [.. section.Value is { } single ? [single] : items.Select(static item => item.Value ?? "")];
        if (values.Length == 0)
        {
            return;
        }

        if (!_keyOf.TryAdd(option, key))
        {
            throw new ToolException($"{_path}: '{_keyOf[option]}' and '{key}' are the same option; give one of them.");
        }

        // An option such as N,N takes its list as one text.
        if (option.HelpName?.Contains(',', StringComparison.Ordinal) == true)
        {
            values = [string.Join(',', values)];
        }
        else if (values.Length > 1 && option.Arity.MaximumNumberOfValues == 1)
        {
            throw new ToolException($"{_path}: {key} is a list of {values.Length.ToString(CultureInfo.InvariantCulture)}; expected one value.");
        }

        foreach (var value in values)
        {
            Add(key, option, value);
        }
    }

    private void Add(string key, Option option, string value)
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            throw new ToolException($"{_path}: {key} is empty.");
        }

        if (option.ValueType == typeof(bool) && !bool.TryParse(value, out _))
        {
            throw new ToolException($"{_path}: {key} is '{value}'; expected true or false.");
        }

        var full = PathOptions.IsPath(option) ? Path.Combine(Path.GetDirectoryName(_path) ?? "", value) : value;
        var argument = $"{option.Name}={full}";
        if (new RootCommand { Options = { option } }.Parse([argument]).Errors is [var error, ..])
        {
            throw new ToolException($"{_path}: {(error.Message.StartsWith(option.Name, StringComparison.Ordinal) ? key + error.Message[option.Name.Length..] : $"{key}: {error.Message}")}");
        }

        _arguments.Add((option, argument));
    }
}
