namespace IsVit.Tool.Progress;

/// <summary>How progress is shown.</summary>
internal enum ProgressFormat
{
    /// <summary>A moving bar on a terminal, lines elsewhere.</summary>
    Automatic,

    /// <summary>Lines for people.</summary>
    Plain,

    /// <summary>Lines for programs, each a JSON object.</summary>
    Json,
}
