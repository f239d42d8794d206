using Xunit.Sdk;
using Xunit.v3;

namespace SystemTests;

/// <summary>Those who want the machine for themselves come when other test programs are more likely to have ended.</summary>
public sealed class AloneLast : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => collection.TestCollectionDisplayName == ThreeReplicasTests.Name)];
}
