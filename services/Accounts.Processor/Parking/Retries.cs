using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;

namespace Accounts.Processor.Parking;

/// <summary>How often an event is tried, and how its row looks afterwards; pure.</summary>
internal static class Retries
{
    private const int Attempts = 5;
    private static readonly TimeSpan First = TimeSpan.FromSeconds(0.25);

    /// <summary>The row after the function has failed on an event, perhaps another than before: a wish was for the one before.</summary>
    public static HeldRow Failed(HeldRow row, EventFailure failure, DateTimeOffset now)
    {
        var recorded = failure.Event.Recorded;
        var again = row.Version == recorded.Version;
        var attempts = again ? row.Attempts + 1 : 1;

        // Nobody waits for an operator's second wish: what was parked is parked again at once.
        var parked = attempts >= Attempts;
        return row with
        {
            Version = recorded.Version,
            Position = recorded.Position.Position,
            Event = recorded.Event.Name,
            EventId = recorded.EventId,
            Cause = Cause(failure.Cause),
            Since = again ? row.Since : now.ToUnixTimeMilliseconds(),
            State = parked ? HeldStates.Parked : HeldStates.Retrying,
            Attempts = attempts,
            RetryAt = parked ? null : (now + (First * (1 << (attempts - 1)))).ToUnixTimeMilliseconds(),
            Wish = again ? row.Wish : null,
        };
    }

    /// <summary>The row after some of the held events have taken effect.</summary>
    public static HeldRow Taken(HeldRow row, long upTo, int events)
    {
        var rest = row with { Done = upTo, Events = row.Events - events };
        return upTo < row.Last ? rest : rest with { State = HeldStates.Released, RetryAt = null, Wish = null };
    }

    // What our own exceptions say is written for people; what others say may tell of the inside.
    public static string Cause(Exception cause) => cause is UnreadableEventException or MissingRowException or CommandRefusedException or UnreadableRowException
        ? cause.Message
        : "The function threw an exception; the log of the service has it under the id of the event.";
}
