// Half of the tests wait for real processes and for time to go by, and what calculates beside them gives way (docs/decisions/0020).
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
