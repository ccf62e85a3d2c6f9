namespace IsVit.Runtime.Functions;

/// <summary>What is done to each number of a row.</summary>
internal interface IRowFunction
{
    TLanes Of<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>;
}
