using System.CommandLine;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary><c>isvit completion</c>: a script with which a shell completes the tool's commands, options and values.</summary>
internal static class CompletionCommand
{
    // A shell asks the tool itself, for what the line up to the cursor may go on with; where the tool knows nothing, files are offered.
    private static readonly Dictionary<string, (string Script, string Use)> s_shells = new(StringComparer.Ordinal)
    {
        ["bash"] = (
            """
            _isvit() {
                local line="isvit${COMP_LINE:${#COMP_WORDS[0]}:COMP_POINT-${#COMP_WORDS[0]}}" word="${COMP_WORDS[COMP_CWORD]}" reply
                COMPREPLY=()
                while IFS= read -r reply; do
                    [[ "$reply" == [a-z0-9]* || "$reply" == -[a-z-]* ]] && [[ "$reply" == "$word"* ]] && COMPREPLY+=("$reply")
                done < <("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" < /dev/null 2> /dev/null)
            }
            complete -o default -F _isvit isvit
            """,
            "eval \"$(isvit completion bash)\" in ~/.bashrc"),
        ["zsh"] = (
            """
            _isvit() {
                local line="isvit${LBUFFER#${words[1]}}"
                local -a replies
                replies=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" < /dev/null 2> /dev/null)}")
                replies=(${(M)replies:#([a-z0-9]*|-[a-z-]*)})
                (( ${#replies} )) && compadd -- "${replies[@]}" || _files
            }
            compdef _isvit isvit
            """,
            "eval \"$(isvit completion zsh)\" in ~/.zshrc, below compinit"),
        ["pwsh"] = (
            """
            Register-ArgumentCompleter -Native -CommandName isvit -ScriptBlock {
                param($wordToComplete, $commandAst, $cursorPosition)
                $line = $commandAst.ToString().PadRight($cursorPosition).Substring(0, $cursorPosition)
                & isvit "[suggest:$cursorPosition]" "$line" 2> $null | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                }
            }
            """,
            "isvit completion pwsh | Out-String | Invoke-Expression, in $PROFILE"),
    };

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var shell = new Argument<string>("SHELL") { Description = $"The shell: {string.Join("; ", s_shells.Select(static entry => $"{entry.Key} ({entry.Value.Use})"))}" };
        shell.AcceptOnlyFromAmong([.. s_shells.Keys]);
        var command = new Command("completion", "Print a script with which a shell completes commands, options and their values.") { shell };
        command.SetAction(parsed => console.Out.WriteLine(s_shells[parsed.GetRequiredValue(shell)].Script));
        return command;
    }
}
