using System.Collections.Concurrent;
using Accounts.Processor.Functions;

namespace Accounts.Processor.Consumers;

/// <summary>Sends the commands that a batch of events asks for.</summary>
internal sealed class PolicyWork(Function.Policy policy, CommandSender sender)
{
    private const int AccountsInFlight = 32;

    /// <summary>
    /// Returns when every command is answered: accounts beside each other, one account's commands in order. What an account
    /// asks for after an event that failed is not sent.
    /// </summary>
    public async Task<IReadOnlyList<EventFailure>> ApplyAsync(Batch batch, CancellationToken stopping, CancellationToken cancellation)
    {
        var failures = new ConcurrentBag<EventFailure>();
        await UntilStopped.ForEachAsync(batch.For(policy).GroupBy(logged => logged.Account), AccountsInFlight, async events =>
        {
            foreach (var logged in events)
            {
                try
                {
                    await ReactAsync(logged, stopping, cancellation);
                }
                catch (Exception cause) when (cause is not OperationCanceledException)
                {
                    failures.Add(new EventFailure(logged, cause));
                    return;
                }
            }
        }, stopping);
        return [.. failures];
    }

    private async Task ReactAsync(LoggedEvent logged, CancellationToken stopping, CancellationToken cancellation)
    {
        var index = 0;
        foreach (var command in policy.React(logged))
        {
            // The same event asks for the same commands whoever works on it and however often, and so under the same keys.
            var key = $"{policy.Name}.{logged.Recorded.EventId}.{index++}";
            await sender.SendAsync(command, key, CommandCause.Of(logged.Recorded), stopping, cancellation);
        }
    }
}
