// They wait more than they calculate: for what Dapr does after seconds.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
