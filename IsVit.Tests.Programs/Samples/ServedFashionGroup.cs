namespace IsVit.Tests.Programs.Samples;

/// <summary>The tests that share a <see cref="ServedFashion"/>.</summary>
[CollectionDefinition]
public sealed class ServedFashionGroup : ICollectionFixture<ServedFashion>;
