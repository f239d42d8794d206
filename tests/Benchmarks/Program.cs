using Benchmarks;

// The first word says which part of the benchmark this process is; without one it is the whole.
return args switch
{
    [Role.Load, var plan] => await LoadProcess.RunAsync(plan),
    [Role.Saves, var plan] => await SavesProcess.RunAsync(plan),
    [Role.Bare, var port] => BareServer.Run(port),
    _ => await Benchmark.RunAsync(args),
};
