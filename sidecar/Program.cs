using Sidecar.Hosting;

if (RunOptions.Parse(args, out var exitCode) is not { } options)
{
    return exitCode;
}

using var requests = new StopRequests(TimeProvider.System);
return await new RunFileHost(options, new HostConsole(), requests, TimeProvider.System, Random.Shared).RunAsync();
