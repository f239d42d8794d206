using Accounts.LogVerifier;

if (Options.Parse(args, out var exitCode) is not { } options)
{
    return exitCode;
}

using var stop = new StopRequest();
return await new Verification(options, TimeProvider.System, Console.Out).RunAsync(stop.Token);
