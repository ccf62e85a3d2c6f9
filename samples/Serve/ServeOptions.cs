namespace Serve;

/// <summary>What the section <c>Serve</c> of the configuration says.</summary>
internal sealed record ServeOptions
{
    /// <summary>The section.</summary>
    public const string Section = "Serve";

    /// <summary>The file of the quantized model (<c>--model</c>).</summary>
    public string? Model { get; init; }

    /// <summary>The ONNX file of the float model that answers beside it (<c>--float</c>); null for none.</summary>
    public string? Float { get; init; }

    /// <summary>A text file with the name of a class on each line (<c>--classes</c>), for a model whose file does not name them; null for none.</summary>
    public string? Classes { get; init; }

    /// <summary>The port on this machine alone (<c>--port</c>); null for what <c>--urls</c> says.</summary>
    public int? Port { get; init; }

    /// <summary>How many classes an answer has unless the request says it.</summary>
    public int Top { get; init; } = 5;

    /// <summary>How many requests compute at the same time; 0 for as many as there are processors.</summary>
    public int MaxComputing { get; init; }

    /// <summary>How many further requests may be inside, sending or waiting. The next is told to come again.</summary>
    public int MaxWaiting { get; init; } = 16;

    /// <summary>Threads that compute one request; 0 for processors / <see cref="MaxComputing"/>.</summary>
    public int Threads { get; init; }

    /// <summary>The longest body of a request.</summary>
    public int MaxBytes { get; init; } = 10 << 20;

    /// <summary>The largest image, width x height: a small file may hold a huge one.</summary>
    public long MaxPixels { get; init; } = 25_000_000;

    /// <summary>How long a client may take to send its image, in which it holds a place.</summary>
    public double UploadSeconds { get; init; } = 30;

    /// <summary>When a client that was turned away may come again.</summary>
    public int RetryAfterSeconds { get; init; } = 1;

    /// <summary>How long requests inside may take to finish when the service ends.</summary>
    public double ShutdownSeconds { get; init; } = 30;

    /// <summary>These options with numbers for those that follow the machine.</summary>
    /// <exception cref="ServeOptionsException">An option is missing or out of range.</exception>
    public ServeOptions Complete()
    {
        Require(!string.IsNullOrEmpty(Model), nameof(Model), Model, "the file of a quantized model, as --model FILE");
        Require(Port is null or (>= 0 and <= ushort.MaxValue), nameof(Port), Port, "0 to 65535");
        Require(Top >= 1, nameof(Top), Top, "1 or more");
        Require(MaxComputing is >= 0 and <= 1024, nameof(MaxComputing), MaxComputing, "0 (processors) to 1024");
        Require(MaxWaiting is >= 0 and <= 100_000, nameof(MaxWaiting), MaxWaiting, "0 to 100000");
        Require(Threads >= 0 && Threads <= IsVit.Runtime.RuntimeOptions.MostThreads, nameof(Threads), Threads, FormattableString.Invariant($"0 (processors / {nameof(MaxComputing)}) to {IsVit.Runtime.RuntimeOptions.MostThreads}"));
        Require(MaxBytes >= 1, nameof(MaxBytes), MaxBytes, "1 or more");
        Require(MaxPixels is >= 1 and <= 500_000_000, nameof(MaxPixels), MaxPixels, "1 to 500000000");
        Require(UploadSeconds is > 0 and <= 86_400, nameof(UploadSeconds), UploadSeconds, "above 0, at most 86400");
        Require(RetryAfterSeconds >= 1, nameof(RetryAfterSeconds), RetryAfterSeconds, "1 or more");
        Require(ShutdownSeconds is > 0 and <= 86_400, nameof(ShutdownSeconds), ShutdownSeconds, "above 0, at most 86400");
        var computing = MaxComputing == 0 ? Environment.ProcessorCount : MaxComputing;
        return this with { MaxComputing = computing, Threads = Threads == 0 ? Math.Clamp(Environment.ProcessorCount / computing, 1, IsVit.Runtime.RuntimeOptions.MostThreads) : Threads };
    }

    private static void Require(bool holds, string option, object? value, string expected)
    {
        if (!holds)
        {
            throw new ServeOptionsException(FormattableString.Invariant($"{Section}:{option} is {value ?? "missing"}; expected {expected}."));
        }
    }
}
