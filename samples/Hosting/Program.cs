// dotnet run -- --Model deit_tiny_patch16_224 --Weights FILE --Images FOLDER [--Output FILE] [--Quantization:WeightBits 3]
using Hosting;

var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { Args = args, ContentRootPath = AppContext.BaseDirectory });

// snippet: register
builder.Services.AddIsVitQuantization(builder.Configuration.GetSection("Quantization"));
builder.Services.AddHostedService<QuantizationWorker>();
// end

// An option that is out of range stops the host here, before anything is loaded.
await builder.Build().RunAsync();
