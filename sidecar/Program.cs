using Sidecar.Hosting;

if (RunOptions.Parse(args, out var exitCode) is not { } options)
{
    return exitCode;
}

// Kept until the process is gone: another Ctrl-C at the very end must not change the exit code.
var requests = new StopRequests(TimeProvider.System);
exitCode = await new RunFileHost(options, new HostConsole(), requests, TimeProvider.System, Random.Shared).RunAsync();
GC.KeepAlive(requests);
return exitCode;
