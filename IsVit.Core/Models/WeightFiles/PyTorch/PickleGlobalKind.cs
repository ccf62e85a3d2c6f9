namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>What a name in a pickle stands for here. Nothing of that name is ever looked up or called.</summary>
internal enum PickleGlobalKind
{
    /// <summary>A dictionary, when called.</summary>
    Dictionary,

    /// <summary>A set or list, when called with its items.</summary>
    List,

    /// <summary>A tuple, when called with it.</summary>
    Tuple,

    /// <summary>Bytes, when called with a text of them and the encoding Latin-1.</summary>
    Bytes,

    /// <summary>A tensor, when called with a storage, the first element, shape and strides.</summary>
    Tensor,

    /// <summary>A tensor, when called with it first.</summary>
    Parameter,

    /// <summary>A type of storages.</summary>
    Storage,

    /// <summary>Something that is kept as its name only.</summary>
    Inert,
}
