using Mono.Cecil;

namespace IsVit.Tests.Architecture;

/// <summary>A compiled library, read without being loaded: which type names which, in signatures and in method bodies.</summary>
internal sealed class LibraryAssembly : IDisposable
{
    private readonly ModuleDefinition _module;

    public LibraryAssembly(string name)
    {
        Name = name;
        _module = ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, name + ".dll"));
    }

    /// <summary>The libraries, lowest first.</summary>
    public static TheoryData<string> All { get; } = ["IsVit.Model", "IsVit.Runtime", "IsVit.Runtime.DependencyInjection", "IsVit.Cluster", "IsVit.Cluster.S3", "IsVit.Core", "IsVit.Quantizers", "IsVit.Optimization", "IsVit.Detection", "IsVit.Reports", "IsVit.Onnx"];

    public string Name { get; }

    public IEnumerable<string> References => _module.AssemblyReferences.Select(reference => reference.Name);

    /// <summary>The types of the file's top level, without what the compiler adds.</summary>
    public IEnumerable<TypeDefinition> Types => _module.Types.Where(type => type.Namespace.Length > 0 && !IsGenerated(type));

    /// <summary>Every type that <paramref name="type"/> and the types within it name, each as the top-level type it stands in.</summary>
    public static IEnumerable<TypeReference> NamedBy(TypeDefinition type)
    {
        IEnumerable<TypeReference> named =
        [
            .. Maybe(type.BaseType),
            .. type.Interfaces.Select(i => i.InterfaceType),
            .. type.CustomAttributes.Select(a => a.AttributeType),
            .. type.Fields.Select(f => f.FieldType),
            .. type.Methods.SelectMany(NamedBy),
        ];
        return named.SelectMany(Parts).Select(TopLevel).Concat(type.NestedTypes.SelectMany(NamedBy)).DistinctBy(t => t.FullName);
    }

    public void Dispose() => _module.Dispose();

    private static IEnumerable<TypeReference> NamedBy(MethodDefinition method)
    {
        IEnumerable<TypeReference> signature = [method.ReturnType, .. method.Parameters.Select(p => p.ParameterType)];
        if (!method.HasBody)
        {
            return signature;
        }

        IEnumerable<TypeReference> body = method.Body.Instructions.SelectMany(i => i.Operand switch
        {
            TypeReference type => [type],
            GenericInstanceMethod generic => [generic.DeclaringType, .. generic.GenericArguments],
            MemberReference member => Maybe(member.DeclaringType),
            _ => [],
        });
        return [.. signature, .. method.Body.Variables.Select(v => v.VariableType), .. body];
    }

    // List<Foo[]> names List and Foo.
    private static IEnumerable<TypeReference> Parts(TypeReference type) => type switch
    {
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Concat(Parts(generic.ElementType)),
        FunctionPointerType function => function.Parameters.Select(p => p.ParameterType).Append(function.ReturnType).SelectMany(Parts),
        TypeSpecification specification => Parts(specification.ElementType),
        GenericParameter => [],
        _ => [type],
    };

    private static TypeReference TopLevel(TypeReference type) => type.DeclaringType is null ? type : TopLevel(type.DeclaringType);

    private static bool IsGenerated(TypeDefinition type) =>
        type.Name.StartsWith('<') || type.CustomAttributes.Any(a => a.AttributeType.Name == "CompilerGeneratedAttribute");

    private static IEnumerable<TypeReference> Maybe(TypeReference? type) => type is null ? [] : [type];
}
