using IsVit.Core.Imaging;
using IsVit.Optimization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace WebService;

/// <summary>Classifies the images that are sent to it with the quantized model that the configuration names.</summary>
internal static class ClassificationService
{
    public static WebApplication Create(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        var file = builder.Configuration["Model"] ?? throw new InvalidOperationException("'Model' is missing: give the file of a quantized classifier as --Model FILE.");

        // snippet: service
        builder.Services.AddSingleton(_ => QuantizedClassifier.Open(file)); // one for all requests; disposed with the service
        var app = builder.Build();
        app.Services.GetRequiredService<QuantizedClassifier>(); // a file that cannot be loaded stops the program here, not the first request

        app.MapPost("/classify", async (HttpRequest request, QuantizedClassifier classifier, CancellationToken cancellationToken, int top = 5) =>
        {
            if (top < 1)
            {
                return Results.Problem(FormattableString.Invariant($"top is {top}; expected 1 or more."), statusCode: StatusCodes.Status400BadRequest);
            }

            try
            {
                return Results.Ok(await classifier.ClassifyAsync(request.Body, top, cancellationToken));
            }
            catch (ImageException e)
            {
                return Results.Problem(e.Reason, statusCode: StatusCodes.Status400BadRequest);
            }
        });
        // end

        return app;
    }
}
