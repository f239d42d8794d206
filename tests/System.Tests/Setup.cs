using SystemTests;

// One system after the other: tests await what processes do, and measure how long it takes.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: AssemblyFixture(typeof(SharedSystem))]
[assembly: AssemblyFixture(typeof(SystemWithoutOnboarding))]
