using Mono.Cecil;
using TorchSharp;

namespace IsVit.Tests.Architecture;

/// <summary>Library code keeps off what TorchSharp 0.107 does at the cost of the process.</summary>
public sealed class TorchSharpTests
{
    // Native functions that let what libtorch throws through to .NET, which ends the process.
    private static readonly string[] s_uncaught = ["THSAutograd_grad", "THSTensor_matmul", "THSTensor_cummax", "THSTensor_cummin", "THSGenerator_set_rng_state"];

    /// <summary>A number that is handed over, or two tensors that are added, in some ways: a garbage collection may free the number while libtorch reads it.</summary>
    [Theory]
    [InlineData("IsVit.Core")]
    [InlineData("IsVit.Quantizers")]
    [InlineData("IsVit.Optimization")]
    [InlineData("IsVit.Detection")]
    [InlineData("IsVit.Onnx")]
    public void Library_Calls_NothingThatMakesAScalarAndLetsGoOfIt(string name)
    {
        var makers = Callers(static method => method.StartsWith("TorchSharp.Scalar TorchSharp.Scalar::op_Implicit", StringComparison.Ordinal), static _ => true);

        Assert.Contains("TorchSharp.torch/Tensor TorchSharp.torch/Tensor::op_Addition(TorchSharp.torch/Tensor,TorchSharp.torch/Tensor)", makers);
        AssertNotCalled(makers, name);
    }

    [Theory]
    [InlineData("IsVit.Core")]
    [InlineData("IsVit.Quantizers")]
    [InlineData("IsVit.Optimization")]
    [InlineData("IsVit.Detection")]
    [InlineData("IsVit.Onnx")]
    public void Library_Calls_NothingThatEndsTheProcessWhereLibtorchThrows(string name)
    {
        // Other operations call these with shapes of their own making.
        var dangerous = Callers(static method => s_uncaught.Any(function => method.Contains($"::{function}(", StringComparison.Ordinal)), static name => s_uncaught.Any(function => function.EndsWith($"_{name}", StringComparison.Ordinal)));

        Assert.Contains("TorchSharp.torch/Tensor TorchSharp.torch/Tensor::matmul(TorchSharp.torch/Tensor)", dangerous);
        AssertNotCalled(dangerous, name);
    }

    private static void AssertNotCalled(HashSet<string> methods, string name)
    {
        using var library = new LibraryAssembly(name);
        Assert.Equal(
            [],
            from type in All(library.Types)
            from method in type.Methods
            where method.HasBody
            from called in Calls(method)
            where methods.Contains(called)
            select $"{type.FullName}.{method.Name} -> {called}");
    }

    private static IEnumerable<TypeDefinition> All(IEnumerable<TypeDefinition> types) => types.SelectMany(static type => All(type.NestedTypes).Prepend(type));

    // Some of TorchSharp's methods, and those of certain names that call them, be it through others.
    private static HashSet<string> Callers(Func<string, bool> isOne, Func<string, bool> counts)
    {
        using var torchSharp = ModuleDefinition.ReadModule(typeof(torch).Assembly.Location);
        var calls = All(torchSharp.Types).SelectMany(static type => type.Methods).Where(method => method.HasBody && counts(method.Name))
            .ToDictionary(static method => method.FullName, static method => Calls(method).ToHashSet(StringComparer.Ordinal), StringComparer.Ordinal);
        var found = calls.Keys.Concat(calls.Values.SelectMany(static called => called)).Where(isOne).ToHashSet(StringComparer.Ordinal);
        while (calls.Where(entry => !found.Contains(entry.Key) && entry.Value.Overlaps(found)).Select(static entry => entry.Key).ToList() is { Count: > 0 } more)
        {
            found.UnionWith(more);
        }

        return found;
    }

    private static IEnumerable<string> Calls(MethodDefinition method) => method.Body.Instructions.Select(static instruction => instruction.Operand).OfType<MethodReference>().Select(static called => called.FullName);
}
