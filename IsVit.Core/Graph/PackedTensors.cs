using System.Collections;
using System.Runtime.CompilerServices;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// The tensors in what a module takes or gives: a tensor, or tuples, arrays, lists and dictionaries of such, nested as they may be. Anything else in there (numbers, sizes, null, objects of other types) is a constant that goes
/// with them (PyTorch: <c>torch.utils._pytree</c>).
/// </summary>
internal sealed class PackedTensors
{
    private const int TupleItems = 7;

    private PackedTensors(object? value, IReadOnlyList<Tensor> tensors) => (Value, Tensors) = (value, tensors);

    /// <summary>What was given.</summary>
    public object? Value { get; }

    /// <summary>Its tensors, in order.</summary>
    public IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>Finds the tensors.</summary>
    /// <param name="value">What a module gives; of what it takes an array of its arguments.</param>
    public static PackedTensors Of(object? value)
    {
        if (value is Tensor one)
        {
            return new(one, [one]);
        }

        var tensors = new List<Tensor>();
        Collect(value, tensors);
        return new(value, tensors);
    }

    /// <summary>The same with other tensors, in new containers.</summary>
    /// <param name="tensors">As many.</param>
    /// <exception cref="QuantizationException">A container cannot be made anew; the message names its type.</exception>
    public PackedTensors With(IReadOnlyList<Tensor> tensors)
    {
        var next = 0;
        return new(Rebuild(Value, tensors, ref next), tensors);
    }

    /// <summary>The same tensors in containers of their own, which no one else changes.</summary>
    public PackedTensors Copy() => With(Tensors);

    /// <summary>Whether another one has its tensors in equal containers and beside equal constants.</summary>
    public bool IsPackedLike(PackedTensors other) => AreAlike(Value, other.Value);

    private static void Collect(object? value, List<Tensor> tensors)
    {
        if (value is Tensor tensor)
        {
            tensors.Add(tensor);
            return;
        }

        foreach (var item in Items(value))
        {
            Collect(item, tensors);
        }
    }

    private static IEnumerable<object?> Items(object? value) => value switch
    {
        null or string => [],
        Array array when array.GetType().GetElementType()!.IsPrimitive => [],
        IDictionary dictionary => dictionary.Values.Cast<object?>(),
        IList list => list.Cast<object?>(),
        ITuple tuple => Enumerable.Range(0, tuple.Length).Select(i => tuple[i]),
        _ => [],
    };

    private static object? Rebuild(object? value, IReadOnlyList<Tensor> tensors, ref int next)
    {
        if (value is Tensor)
        {
            return tensors[next++];
        }

        var before = next;
        var items = new List<object?>();
        foreach (var item in Items(value))
        {
            items.Add(Rebuild(item, tensors, ref next));
        }

        return next == before ? value : Create(value!, items);
    }

    private static object Create(object value, List<object?> items)
    {
        var type = value.GetType();
        try
        {
            switch (value)
            {
                case Array:
                    var array = Array.CreateInstance(type.GetElementType()!, items.Count);
                    for (var i = 0; i < items.Count; i++)
                    {
                        array.SetValue(items[i], i);
                    }

                    return array;
                case IDictionary dictionary:
                    var entries = (IDictionary)Activator.CreateInstance(type)!;
                    foreach (var (key, item) in dictionary.Keys.Cast<object>().Zip(items))
                    {
                        entries.Add(key, item);
                    }

                    return entries;
                case IList:
                    var list = (IList)Activator.CreateInstance(type)!;
                    items.ForEach(item => list.Add(item));
                    return list;
                default:
                    return CreateTuple(type, items);
            }
        }
        catch (Exception e) when (e is MissingMethodException or NotSupportedException)
        {
            throw new QuantizationException($"Tensors flow in a {type}, which cannot be made anew with others in it; expected tuples, arrays, lists or dictionaries.", e);
        }
    }

    // What is beyond seven items stands in a tuple of its own behind them.
    private static object CreateTuple(Type type, List<object?> items) => items.Count <= TupleItems
        ? Activator.CreateInstance(type, [.. items])!
        : Activator.CreateInstance(type, [.. items.Take(TupleItems), CreateTuple(type.GetGenericArguments()[TupleItems], items[TupleItems..])])!;

    private static bool AreAlike(object? one, object? other)
    {
        if (one is Tensor || other is Tensor)
        {
            return one is Tensor && other is Tensor;
        }

        if (one?.GetType() != other?.GetType())
        {
            return false;
        }

        if (one is Array { Length: var length } array && array.GetType().GetElementType()!.IsPrimitive)
        {
            return length == ((Array)other!).Length && array.Cast<object>().SequenceEqual(((Array)other).Cast<object>());
        }

        return one is IDictionary or IList or ITuple
            ? Items(one).Count() == Items(other).Count()
                && Items(one).Zip(Items(other)).All(static pair => AreAlike(pair.First, pair.Second))
                && (one is not IDictionary dictionary || dictionary.Keys.Cast<object>().SequenceEqual(((IDictionary)other!).Keys.Cast<object>()))
            : Equals(one, other);
    }
}
