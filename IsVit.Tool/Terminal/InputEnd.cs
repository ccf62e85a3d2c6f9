namespace IsVit.Tool.Terminal;

/// <summary>The end of standard input: of a program that another one started, the sign that the other is gone, on every system and however it ended.</summary>
internal static class InputEnd
{
    // For the running step to end; nobody is left to wait longer.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Cancels when standard input ends, and ends the process if that is not enough.</summary>
    /// <param name="cancellationToken">Cancels as well.</param>
    /// <returns>A source to be disposed when the work has ended.</returns>
    public static CancellationTokenSource StopWith(CancellationToken cancellationToken)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var thread = new Thread(() =>
        {
            using var input = Console.OpenStandardInput();
            var buffer = new byte[64];
            while (input.Read(buffer) > 0)
            {
            }

            try
            {
                source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                return;
            }

            Thread.Sleep(Patience);
            Environment.Exit(1);
        })
        {
            IsBackground = true,
            Name = "End of input",
        };
        thread.Start();
        return source;
    }
}
