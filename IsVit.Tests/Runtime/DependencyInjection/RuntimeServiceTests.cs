using IsVit.Model.Files;
using IsVit.Runtime;
using IsVit.Tests.TestSupport;
using Microsoft.Extensions.DependencyInjection;

namespace IsVit.Tests.Runtime.DependencyInjection;

public sealed class RuntimeServiceTests
{
    [Fact]
    public void AddIsVitRuntime_AFile_IsOneModelForAll()
    {
        using var folder = new TemporaryFolder();
        var path = TinyModel.Save(folder["model.safetensors"]);
        using var provider = new ServiceCollection().AddIsVitRuntime(path, new() { MaxDegreeOfParallelism = 1 }).AddIsVitRuntime("absent").AddIsVitRuntime("other", path).BuildServiceProvider();

        var model = provider.GetRequiredService<RuntimeModel>();

        using var scope = provider.CreateScope();
        Assert.Same(model, scope.ServiceProvider.GetRequiredService<RuntimeModel>());
        var other = provider.GetRequiredKeyedService<RuntimeModel>("other");
        Assert.NotSame(model, other);
        Assert.Same(other, provider.GetRequiredKeyedService<RuntimeModel>("other"));
        Assert.Equal(model.Predict(new float[model.InputLength]), other.Predict(new float[model.InputLength]));
    }

    [Fact]
    public void AddIsVitRuntime_ABadFile_IsAnErrorWhenAskedFor()
    {
        using var folder = new TemporaryFolder();
        using var provider = new ServiceCollection().AddIsVitRuntime(folder.File("text", "no model"u8)).AddIsVitRuntime("absent", folder["absent"]).BuildServiceProvider();

        Assert.Contains("text", Assert.Throws<WeightFileException>(provider.GetRequiredService<RuntimeModel>).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => provider.GetRequiredKeyedService<RuntimeModel>("absent"));
        Assert.Throws<ArgumentException>("path", () => new ServiceCollection().AddIsVitRuntime(""));
        Assert.Throws<ArgumentException>("name", () => new ServiceCollection().AddIsVitRuntime("", "file"));
    }
}
