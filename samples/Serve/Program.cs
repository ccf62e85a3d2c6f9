// dotnet run -c Release -- --model quantized.safetensors [--float model.onnx] [--port 5000]
// curl --data-binary @shoe.png "http://localhost:5000/classify?top=3"
// curl --form file=@shoe.png http://localhost:5000/classify
using IsVit.Model.Files;
using IsVit.Model.Quantization;
using Microsoft.ML.OnnxRuntime;
using Serve;

try
{
    await using var service = ServeApplication.Create(args);
    await service.RunAsync();
    return 0;
}
catch (Exception e) when (e is ServeOptionsException or QuantizationException or WeightFileException or OnnxRuntimeException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"Serve cannot start: {e.Message}");
    return 1;
}
