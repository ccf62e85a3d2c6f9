// dotnet run -- --Model quantized.safetensors --urls http://localhost:5000
// curl --data-binary @shoe.png "http://localhost:5000/classify?top=3"
using WebService;

await using var service = ClassificationService.Create(args);
await service.RunAsync();
