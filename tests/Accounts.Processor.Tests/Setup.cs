// They wait more than they calculate: for processes, time-outs and repetitions.
[assembly: CollectionBehavior(MaxParallelThreads = 6)]
