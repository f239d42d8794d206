using System.Collections.Concurrent;
using Sidecar.Configuration;
using Sidecar.Faults;
using Sidecar.Resiliency;

namespace Sidecar.Actors;

/// <summary>The one table of the host that says where actors live, in the place of Dapr's placement service.</summary>
internal sealed class Placement(TimeProvider time, FaultSwitches faults) : IDisposable
{
    private readonly ConcurrentDictionary<string, ActorType> _types = new(StringComparer.Ordinal);

    public ActorType Type(string name) => _types.GetOrAdd(name, n => new ActorType(n, time));

    /// <summary>
    /// Calls an actor wherever it lives, as the policies of the caller's app say. Without a policy for the type, Dapr
    /// itself repeats what the caller should not see: no host (five times more, a second apart), an actor that moved, and
    /// a host that went away (three times more). So a call may arrive twice.
    /// </summary>
    public async Task<ActorResult> CallAsync(ActorCall call, Policies policies, CancellationToken cancellation)
    {
        var policy = policies.Actor(call.Type);
        var named = policies.NamesActor(call.Type);
        return policy.Retry is null
            ? await OneAsync(cancellation)
            : await new Policy(null, policy.Retry).RunAsync(
                OneAsync, r => r.Failure == ActorFailure.None ? Verdict.Done : Verdict.Again, default, time, cancellation, cancellation);

        Task<ActorResult> OneAsync(CancellationToken token) =>
            named ? CrossAsync(call, token) : PatientlyAsync(call, policies, token);
    }

    public void Dispose()
    {
        foreach (var type in _types.Values)
        {
            type.Dispose();
        }
    }

    private async Task<ActorResult> PatientlyAsync(ActorCall call, Policies policies, CancellationToken cancellation)
    {
        var (notFound, gone) = (policies.ActorNotFound, policies.ActorGone);
        for (var (missing, lost) = (0, 0); ;)
        {
            var result = await CrossAsync(call, cancellation);
            switch (result.Failure)
            {
                case ActorFailure.NoHost or ActorFailure.Moved when Allows(notFound, missing++):
                    await Task.Delay(notFound.Duration, time, cancellation);
                    break;
                case ActorFailure.Unreachable when Allows(gone, lost++):
                    // An app that only dropped the connection is still there after the pause, and that is an error; if
                    // its replica has gone, the call goes to the actor's new owner.
                    await Task.Delay(gone.Duration, time, cancellation);
                    if (result.Host is { } host && Type(call.Type).Hosts(host))
                    {
                        return result;
                    }

                    break;
                default:
                    return result;
            }
        }
    }

    private static bool Allows(RetryPolicy policy, int before) => policy.MaxRetries < 0 || before < policy.MaxRetries;

    /// <summary>
    /// The one way to an actor, for calls, timers and reminders: faults are met here. A blocked call waits as Dapr's do while
    /// the placement service is away; one that fails is an error that Dapr does not repeat by itself.
    /// </summary>
    private async Task<ActorResult> CrossAsync(ActorCall call, CancellationToken cancellation)
    {
        var met = await faults.MeetAsync(Fault.Actors, call.Caller, Fault.OfCalls, cancellation);
        if (met.HasFlag(FaultKind.FailBefore))
        {
            return Failed(FaultKind.FailBefore);
        }

        var result = await ArriveAsync(call, cancellation);
        if (met.HasFlag(FaultKind.Repeat))
        {
            result = await ArriveAsync(call, cancellation);
        }

        faults.Passed(Fault.Actors);
        return met.HasFlag(FaultKind.FailAfter) ? Failed(FaultKind.FailAfter) : result;

        static ActorResult Failed(FaultKind kind) => ActorResult.Failed(ActorFailure.Refused, FaultSwitches.Words(Fault.Actors, kind));
    }

    private async Task<ActorResult> ArriveAsync(ActorCall call, CancellationToken cancellation)
    {
        var type = Type(call.Type);
        while (true)
        {
            var place = type.Enter(call, cancellation);
            if (place.Wait is not null)
            {
                await place.Wait.WaitAsync(cancellation);
                continue;
            }

            if (place.Actor is not { } actor)
            {
                return ActorResult.Failed(
                    ActorFailure.NoHost,
                    $"failed to lookup actor: api error: code = FailedPrecondition desc = did not find address for actor '{call.Type}/{call.Id}'");
            }

            return await InTurnAsync(actor, place.Turn!, call, cancellation);
        }
    }

    private async Task<ActorResult> InTurnAsync(
        ActorInstance actor, ActorInstance.Turn turn, ActorCall call, CancellationToken cancellation)
    {
        if (!await turn.Begun)
        {
            return ActorResult.Failed(ActorFailure.Moved, $"actor is closed: {call.Path}");
        }

        try
        {
            if (turn.Depth > actor.Hosted.Config.MaxStackDepth)
            {
                return ActorResult.Failed(ActorFailure.TooDeep, "maximum stack depth exceeded");
            }

            actor.LastStart = time.GetTimestamp();
            var result = await actor.Hosted.Host.CallAsync(actor, call, turn.ReentrancyId, cancellation);
            return result with { Host = actor.Hosted };
        }
        finally
        {
            actor.Leave(turn);
        }
    }
}
