using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Serve;

/// <summary>The service.</summary>
internal static class ServeApplication
{
    private const string Entrance = "entrance";

    private static readonly Dictionary<string, string> s_switches = new(StringComparer.Ordinal)
    {
        ["--model"] = $"{ServeOptions.Section}:{nameof(ServeOptions.Model)}",
        ["--float"] = $"{ServeOptions.Section}:{nameof(ServeOptions.Float)}",
        ["--classes"] = $"{ServeOptions.Section}:{nameof(ServeOptions.Classes)}",
        ["--port"] = $"{ServeOptions.Section}:{nameof(ServeOptions.Port)}",
    };

    /// <summary>Makes the service, its model loaded and run once.</summary>
    /// <param name="args">The command line: --model FILE, --float FILE, --classes FILE, --port N, and any key of the configuration.</param>
    /// <exception cref="ServeOptionsException">An option is missing or out of range.</exception>
    public static WebApplication Create(string[] args)
    {
        // appsettings.json is the one beside the program, wherever that is started.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddCommandLine(args, s_switches);
        var options = Read(builder.Configuration);
        if (options.Port is { } port)
        {
            builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        }

        builder.WebHost.ConfigureKestrel(server => server.Limits.MaxRequestBodySize = options.MaxBytes);
        AddServices(builder.Services, options);
        var app = builder.Build();
        try
        {
            app.Services.GetRequiredService<Classification>().WarmUp();
        }
        catch
        {
            ((IDisposable)app).Dispose();
            throw;
        }

        Map(app, options);
        return app;
    }

    private static ServeOptions Read(ConfigurationManager configuration)
    {
        try
        {
            return (configuration.GetSection(ServeOptions.Section).Get<ServeOptions>() ?? new()).Complete();
        }
        catch (InvalidOperationException e)
        {
            // A value of another type; the binder names its key.
            throw new ServeOptionsException(e.Message);
        }
    }

    private static void AddServices(IServiceCollection services, ServeOptions options)
    {
        services.AddSingleton(options).AddSingleton<QuantizedModel>().AddSingleton<Places>().AddSingleton<ServeMetrics>().AddSingleton<Classification>();
        if (options.Float is not null)
        {
            services.AddSingleton<FloatModel>();
        }

        services.AddProblemDetails();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.ShutdownSeconds));
        services.AddOpenTelemetry().ConfigureResource(static resource => resource.AddService("isvit-serve")).WithMetrics(static metrics => metrics
            .AddMeter(ServeMetrics.Name)
            .AddPrometheusExporter(static exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0));
        services.AddRateLimiter(limiter =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.AddConcurrencyLimiter(Entrance, places => (places.PermitLimit, places.QueueLimit) = (options.MaxComputing + options.MaxWaiting, 0));
            limiter.OnRejected = async (rejected, cancellationToken) =>
            {
                var context = rejected.HttpContext;
                context.RequestServices.GetRequiredService<ServeMetrics>().Rejected();
                context.Response.Headers.RetryAfter = options.RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
                await Results.Problem("Every place is taken; come again.", statusCode: StatusCodes.Status429TooManyRequests).ExecuteAsync(context);
            };
        });
    }

    private static void Map(WebApplication app, ServeOptions options)
    {
        app.UseRateLimiter();
        app.MapPrometheusScrapingEndpoint("/metrics");
        app.MapGet("/", Page.Get);
        app.MapGet("/health/live", static () => Results.Ok(new { status = "live" }));
        app.MapGet("/health", static (IHostApplicationLifetime lifetime, QuantizedModel model, Classification classification) => lifetime.ApplicationStopping.IsCancellationRequested
            ? Results.Json(new { status = "stopping" }, statusCode: StatusCodes.Status503ServiceUnavailable)
            : Results.Ok(new { status = "ready", model = model.Name, classes = model.ClassCount, imageSize = model.Preprocessing.ImageSize, hasFloat = classification.HasFloat }));
        app.MapPost("/classify", async (HttpContext context, Classification classification, Places places, ServeMetrics metrics, int? top, string model = Classification.Quantized) =>
        {
            var started = Stopwatch.GetTimestamp();
            places.Enter();
            try
            {
                var (status, result) = await Answer(context, classification, top ?? options.Top, model, app.Logger);
                metrics.Answered(status, model is Classification.Quantized or Classification.Float ? model : "unknown", Stopwatch.GetElapsedTime(started));
                return result;
            }
            finally
            {
                places.Leave();
            }
        }).RequireRateLimiting(Entrance);
    }

    private static async Task<(int Status, IResult Result)> Answer(HttpContext context, Classification classification, int top, string model, ILogger logger)
    {
        try
        {
            return (StatusCodes.Status200OK, Results.Ok(await classification.AnswerAsync(context.Request, top, model, context.RequestAborted)));
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Whatever it looks like where it is noticed: nobody reads the answer, the metrics count it.
            return (StatusCodes.Status499ClientClosedRequest, Results.StatusCode(StatusCodes.Status499ClientClosedRequest));
        }
        catch (RefusedException e)
        {
            return (e.Status, Results.Problem(e.Message, statusCode: e.Status));
        }
        catch (Exception e)
        {
            Log.Failed(logger, e);
            return (StatusCodes.Status500InternalServerError, Results.Problem("The service failed; its log says why.", statusCode: StatusCodes.Status500InternalServerError));
        }
    }
}
