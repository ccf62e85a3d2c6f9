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

        Assert.Equal(10, logits.Length);
        Assert.Equal(saved.Label(0), Array.IndexOf(logits, logits.Max()));
    }
}
