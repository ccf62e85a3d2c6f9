using Mono.Cecil;
using TorchSharp;

namespace IsVit.Tests.Architecture;

/// <summary>No library code hands TorchSharp a number, or adds two tensors, in a way that lets a garbage collection free the number while libtorch reads it.</summary>
public sealed class ScalarTests
{
    [Theory]
    [InlineData("IsVit.Core")]
    [InlineData("IsVit.Quantizers")]
    [InlineData("IsVit.Optimization")]
    [InlineData("IsVit.Onnx")]
    public void Library_Calls_NothingThatMakesAScalarAndLetsGoOfIt(string name)
    {
        using var torchSharp = ModuleDefinition.ReadModule(typeof(torch).Assembly.Location);
        var unsafeMethods = MakersOfScalars(torchSharp);
        using var library = new LibraryAssembly(name);

        Assert.Contains("TorchSharp.torch/Tensor TorchSharp.torch/Tensor::op_Addition(TorchSharp.torch/Tensor,TorchSharp.torch/Tensor)", unsafeMethods);
        Assert.Equal(
            [],
            from type in All(library.Types)
            from method in type.Methods
            where method.HasBody
            from called in Calls(method)
            where unsafeMethods.Contains(called)
            select $"{type.FullName}.{method.Name} -> {called}");
    }

    private static IEnumerable<TypeDefinition> All(IEnumerable<TypeDefinition> types) => types.SelectMany(static type => All(type.NestedTypes).Prepend(type));

    // TorchSharp's methods that turn a number into a Scalar by themselves, and those that call them.
    private static HashSet<string> MakersOfScalars(ModuleDefinition torchSharp)
    {
        var calls = All(torchSharp.Types).SelectMany(static type => type.Methods).Where(static method => method.HasBody)
            .ToDictionary(static method => method.FullName, static method => Calls(method).ToHashSet(StringComparer.Ordinal), StringComparer.Ordinal);
        var found = calls.Keys.Where(static method => method.StartsWith("TorchSharp.Scalar TorchSharp.Scalar::op_Implicit", StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);
        while (calls.Where(entry => !found.Contains(entry.Key) && entry.Value.Overlaps(found)).Select(static entry => entry.Key).ToList() is { Count: > 0 } more)
        {
            found.UnionWith(more);
        }

        return found;
    }

    private static IEnumerable<string> Calls(MethodDefinition method) => method.Body.Instructions.Select(static instruction => instruction.Operand).OfType<MethodReference>().Select(static called => called.FullName);
}
