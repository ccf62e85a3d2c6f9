using System.Collections.Concurrent;
using System.Reflection;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A module of any signature, called and hooked without knowing it: TorchSharp has a type of its own for each number of arguments.</summary>
internal abstract class TypedModule
{
    private static readonly Dictionary<Type, Type> s_wrappers = new()
    {
        [typeof(nn.Module<,>)] = typeof(Of<,>),
        [typeof(nn.Module<,,>)] = typeof(Of<,,>),
        [typeof(nn.Module<,,,>)] = typeof(Of<,,,>),
        [typeof(nn.Module<,,,,>)] = typeof(Of<,,,,>),
        [typeof(nn.Module<,,,,,>)] = typeof(Of<,,,,,>),
        [typeof(nn.Module<,,,,,,>)] = typeof(Of<,,,,,,>),
    };

    private static readonly ConcurrentDictionary<Type, ConstructorInfo?> s_constructors = [];

    /// <summary>The types of the arguments.</summary>
    public abstract IReadOnlyList<Type> Parameters { get; }

    /// <summary>The module with its signature; null for one that has none: a container, which is never called.</summary>
    public static TypedModule? TryOf(nn.Module module) => (TypedModule?)s_constructors.GetOrAdd(module.GetType(), Find)?.Invoke([module]);

    /// <summary>Calls the module, hooks included.</summary>
    public abstract object? Call(object?[] arguments);

    /// <summary>Calls the module.</summary>
    /// <param name="arguments">An array of the arguments, with the tensors in them.</param>
    public PackedTensors Run(PackedTensors arguments) => PackedTensors.Of(Call((object?[])arguments.Value!));

    /// <summary>Adds a hook before the forward.</summary>
    /// <param name="hook">Given the arguments; gives those to go on with, null for the same.</param>
    /// <returns>Takes the hook away.</returns>
    public abstract Action HookBefore(Func<object?[], object?[]?> hook);

    /// <summary>Adds a hook behind the forward.</summary>
    /// <param name="hook">Given the arguments and the result; gives the result to go on with.</param>
    /// <returns>Takes the hook away.</returns>
    public abstract Action HookAfter(Func<object?[], object?, object?> hook);

    private static ConstructorInfo? Find(Type type)
    {
        for (var at = type; at is not null; at = at.BaseType)
        {
            if (at.IsGenericType && s_wrappers.TryGetValue(at.GetGenericTypeDefinition(), out var wrapper))
            {
                return wrapper.MakeGenericType(at.GetGenericArguments()).GetConstructors().Single();
            }
        }

        return null;
    }

    private sealed class Of<T, TResult>(nn.Module<T, TResult> module) : TypedModule
    {
        public override IReadOnlyList<Type> Parameters => [typeof(T)];

        public override object? Call(object?[] arguments) => module.call((T)arguments[0]!);

        public override Action HookBefore(Func<object?[], object?[]?> hook) => module.register_forward_pre_hook((_, a) => hook([a]) is { } x ? (T)x[0]! : a).remove;

        public override Action HookAfter(Func<object?[], object?, object?> hook) => module.register_forward_hook((_, a, y) => (TResult)hook([a], y)!).remove;
    }

    private sealed class Of<T1, T2, TResult>(nn.Module<T1, T2, TResult> module) : TypedModule
    {
        public override IReadOnlyList<Type> Parameters => [typeof(T1), typeof(T2)];

        public override object? Call(object?[] arguments) => module.call((T1)arguments[0]!, (T2)arguments[1]!);

        public override Action HookBefore(Func<object?[], object?[]?> hook) => module.register_forward_pre_hook((_, a, b) => hook([a, b]) is { } x ? ((T1)x[0]!, (T2)x[1]!) : null).remove;

        public override Action HookAfter(Func<object?[], object?, object?> hook) => module.register_forward_hook((_, a, b, y) => (TResult)hook([a, b], y)!).remove;
    }

    private sealed class Of<T1, T2, T3, TResult>(nn.Module<T1, T2, T3, TResult> module) : TypedModule
    {
        public override IReadOnlyList<Type> Parameters => [typeof(T1), typeof(T2), typeof(T3)];

        public override object? Call(object?[] arguments) => module.call((T1)arguments[0]!, (T2)arguments[1]!, (T3)arguments[2]!);

        public override Action HookBefore(Func<object?[], object?[]?> hook) => module.register_forward_pre_hook((_, a, b, c) => hook([a, b, c]) is { } x ? ((T1)x[0]!, (T2)x[1]!, (T3)x[2]!) : null).remove;

        public override Action HookAfter(Func<object?[], object?, object?> hook) => module.register_forward_hook((_, a, b, c, y) => (TResult)hook([a, b, c], y)!).remove;
    }

    private sealed class Of<T1, T2, T3, T4, TResult>(nn.Module<T1, T2, T3, T4, TResult> module) : TypedModule
    {
        public override IReadOnlyList<Type> Parameters => [typeof(T1), typeof(T2), typeof(T3), typeof(T4)];

        public override object? Call(object?[] arguments) => module.call((T1)arguments[0]!, (T2)arguments[1]!, (T3)arguments[2]!, (T4)arguments[3]!);

        public override Action HookBefore(Func<object?[], object?[]?> hook) =>
            module.register_forward_pre_hook((_, a, b, c, d) => hook([a, b, c, d]) is { } x ? ((T1)x[0]!, (T2)x[1]!, (T3)x[2]!, (T4)x[3]!) : null).remove;

        public override Action HookAfter(Func<object?[], object?, object?> hook) => module.register_forward_hook((_, a, b, c, d, y) => (TResult)hook([a, b, c, d], y)!).remove;
    }

    private sealed class Of<T1, T2, T3, T4, T5, TResult>(nn.Module<T1, T2, T3, T4, T5, TResult> module) : TypedModule
    {
        public override IReadOnlyList<Type> Parameters => [typeof(T1), typeof(T2), typeof(T3), typeof(T4), typeof(T5)];

        public override object? Call(object?[] arguments) => module.call((T1)arguments[0]!, (T2)arguments[1]!, (T3)arguments[2]!, (T4)arguments[3]!, (T5)arguments[4]!);

        public override Action HookBefore(Func<object?[], object?[]?> hook) =>
            module.register_forward_pre_hook((_, a, b, c, d, e) => hook([a, b, c, d, e]) is { } x ? ((T1)x[0]!, (T2)x[1]!, (T3)x[2]!, (T4)x[3]!, (T5)x[4]!) : null).remove;

        public override Action HookAfter(Func<object?[], object?, object?> hook) => module.register_forward_hook((_, a, b, c, d, e, y) => (TResult)hook([a, b, c, d, e], y)!).remove;
    }

    private sealed class Of<T1, T2, T3, T4, T5, T6, TResult>(nn.Module<T1, T2, T3, T4, T5, T6, TResult> module) : TypedModule
    {
        public override IReadOnlyList<Type> Parameters => [typeof(T1), typeof(T2), typeof(T3), typeof(T4), typeof(T5), typeof(T6)];

        public override object? Call(object?[] arguments) => module.call((T1)arguments[0]!, (T2)arguments[1]!, (T3)arguments[2]!, (T4)arguments[3]!, (T5)arguments[4]!, (T6)arguments[5]!);

        public override Action HookBefore(Func<object?[], object?[]?> hook) =>
            module.register_forward_pre_hook((_, a, b, c, d, e, f) => hook([a, b, c, d, e, f]) is { } x ? ((T1)x[0]!, (T2)x[1]!, (T3)x[2]!, (T4)x[3]!, (T5)x[4]!, (T6)x[5]!) : null).remove;

        public override Action HookAfter(Func<object?[], object?, object?> hook) => module.register_forward_hook((_, a, b, c, d, e, f, y) => (TResult)hook([a, b, c, d, e, f], y)!).remove;
    }
}
