using System.Text;
using System.Text.Json;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using Accounts.Processor.Operations;

namespace Accounts.Processor.Users;

/// <summary>
/// Takes dead letters again for which operators have asked, on whichever replica hosts the deletion of users. Two that do the same do no harm.
/// </summary>
internal sealed class DeadLetterReplays(FunctionHost host, UserDeletions deletions, TimeProvider time, ILogger<DeadLetterReplays> logger) : BackgroundService
{
    private const int AtOnce = 4;
    private const int PageOfLetters = 100;

    // A command service that is away is waited for, but what was asked meanwhile is looked at too.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private long _seen = -1;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(FunctionControls.Every, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            // The number is read by the host anyway, and changes with every order.
            if (host.Operator is { } at && at.Controls[UserDeletion.Function.Name].Row.Attention is var attention && attention != _seen)
            {
                _seen = await TakeAllAsync(at, stoppingToken) ? attention : -1;
            }
        }
    }

    /// <summary>False when something is left to do.</summary>
    private async Task<bool> TakeAllAsync(Operator at, CancellationToken stopping)
    {
        var left = 0;
        try
        {
            var letters = new DeadLetters(at.Log.Id, at.Views);
            string? after = null;
            while (await letters.ListAsync(after, PageOfLetters, stopping) is [.., var last] page)
            {
                var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stopping };
                await Parallel.ForEachAsync(page.Where(row => row.Replay), options, async (row, _) =>
                {
                    if (!await TakeAsync(letters, row, stopping))
                    {
                        Interlocked.Increment(ref left);
                    }
                });
                after = last.Id;
            }
        }
        catch (Exception cause) when (!stopping.IsCancellationRequested)
        {
            logger.LogWarning("Dead letters cannot be looked at now: {Reason}", cause.Message);
            return false;
        }

        return left == 0;
    }

    private async Task<bool> TakeAsync(DeadLetters letters, DeadLetterRow row, CancellationToken stopping)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stopping);
        string? reason = null;
        try
        {
            if (UserEvents.Read(Encoding.UTF8.GetBytes(row.Message)) is not { } read)
            {
                reason = UserEvents.NoMessage;
            }
            else if (read.User is { } user)
            {
                await deletions.DeleteAsync(user, read.Cause, either.Token);
            }
        }
        catch (CommandRefusedException refused)
        {
            reason = refused.Message;
        }
        catch (Exception) when (either.IsCancellationRequested)
        {
            return false;
        }

        await letters.ChangeAsync(
            row.Id,
            current => reason is null ? DeadLetters.Released(current) : current with { Replay = false, Reason = reason, Deaths = current.Deaths + 1 },
            stopping);
        logger.LogInformation("Dead letter {Letter}, message {Message}, was replayed: {Result}", row.Id, row.MessageId, reason ?? "it is taken");
        return true;
    }
}
