namespace IsVit.Core.Graph;

/// <summary>Marks a module that returns its input unchanged in evaluation mode, such as drop path, so that roles are traced through it.</summary>
public interface IPassThrough;
