using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace IsVit.Benchmarks.Serving;

/// <summary>Asks a running samples/Serve for a bounded number of answers, from several clients that each send their next image when the last is answered.</summary>
internal static class ServiceLoad
{
    private const int WarmUp = 50;

    private static readonly int[] s_clients = [1, 2, 8];

    /// <summary>Measures and prints a table.</summary>
    /// <param name="service">Where requests go, such as http://127.0.0.1:5000/classify.</param>
    /// <param name="image">The file that is sent.</param>
    /// <param name="requests">Requests of each number of clients; 400 if null.</param>
    /// <returns>The exit code: 1 if an answer was neither 200 nor 429.</returns>
    public static async Task<int> Run(string service, string image, string? requests)
    {
        var count = requests is null ? 400 : int.Parse(requests, CultureInfo.InvariantCulture);
        var content = await File.ReadAllBytesAsync(image);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(60) };
        var address = new Uri(service);
        for (var i = 0; i < WarmUp; i++)
        {
            await Ask(http, address, content);
        }

        Console.WriteLine("| clients | requests | 200 | 429 | other | answers/s | p50 ms | p99 ms |");
        Console.WriteLine("|--:|--:|--:|--:|--:|--:|--:|--:|");
        var failed = false;
        foreach (var clients in s_clients)
        {
            failed |= await Measure(http, address, content, clients, count);
        }

        return failed ? 1 : 0;
    }

    private static async Task<bool> Measure(HttpClient http, Uri address, byte[] content, int clients, int count)
    {
        var (statuses, times, next) = (new HttpStatusCode[count], new double[count], 0);
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next) - 1) < count;)
            {
                var started = Stopwatch.GetTimestamp();
                statuses[i] = await Ask(http, address, content);
                times[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
        })));
        var seconds = clock.Elapsed.TotalSeconds;
        var answered = times.Where((_, i) => statuses[i] == HttpStatusCode.OK).Order().ToArray();
        var rejected = statuses.Count(static status => status == HttpStatusCode.TooManyRequests);
        var other = count - answered.Length - rejected;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {clients} | {count} | {answered.Length} | {rejected} | {other} | {answered.Length / seconds:F1} | {Quantile(answered, 0.5):F1} | {Quantile(answered, 0.99):F1} |"));
        return other > 0;
    }

    private static double Quantile(double[] sorted, double share) => sorted.Length == 0 ? double.NaN : sorted[Math.Max((int)Math.Ceiling(share * sorted.Length) - 1, 0)];

    private static async Task<HttpStatusCode> Ask(HttpClient http, Uri address, byte[] content)
    {
        using var body = new ByteArrayContent(content);
        using var answer = await http.PostAsync(address, body);
        await answer.Content.LoadIntoBufferAsync();
        return answer.StatusCode;
    }
}
