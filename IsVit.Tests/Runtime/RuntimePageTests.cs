using IsVit.Optimization;
using IsVit.Runtime;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Runtime;

/// <summary>The code of docs/runtime.md.</summary>
public sealed class RuntimePageTests
{
    [Fact]
    public void Predict_SavedFile_GivesTheQuantizedModelsAnswers()
    {
        using var scope = NewDisposeScope();
        using var saved = new SavedFashion();
        var path = saved.Path;
        using var image = saved.Prepared(0);
        var pixels = image.data<float>().ToArray();

        // snippet: predict
        var model = RuntimeModel.Load(path);
        float[] logits = model.Predict(pixels); // [batch, channels, height, width] in, [batch, classes] out
        // end

        using var simulated = QuantizedModel.Open(path);
        var expected = simulated.Predict(image).data<float>().ToArray();
        Assert.Equal(expected.Length, logits.Length);
        Assert.Equal(Array.IndexOf(expected, expected.Max()), Array.IndexOf(logits, logits.Max()));
    }
}
