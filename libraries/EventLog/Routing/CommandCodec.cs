using System.Text.Json;

namespace EventLog;

/// <summary>Commands and outcomes in the form in which they travel between replicas.</summary>
internal sealed class CommandCodec<TState, TCommand, TEvent>(Decider<TState, TCommand, TEvent> decider)
    where TState : class
    where TCommand : class
    where TEvent : class
{
    public RoutedCommand Write(Pending<TState, TCommand> pending) => new()
    {
        Id = pending.Id,
        Keyed = pending.Keyed,
        Stream = pending.Stream,
        Command = pending.Command is null ? null : JsonSerializer.SerializeToElement(pending.Command, decider.CommandJson),
        Fingerprint = pending.Fingerprint,
        Expected = pending.Expected?.Version,
        CorrelationId = pending.CorrelationId,
        CausationId = pending.CausationId,
        TraceParent = pending.TraceParent,
        Received = pending.Received.ToUnixTimeMilliseconds(),
    };

    /// <summary>Null: the command is one of a newer version.</summary>
    public Pending<TState, TCommand>? Read(RoutedCommand routed) => !StrictJson.TryRead(routed.Command, decider.CommandJson, out var command) ? null : new()
    {
        Id = routed.Id,
        Keyed = routed.Keyed,
        Stream = routed.Stream,
        Command = command,
        Fingerprint = routed.Fingerprint,
        Expected = routed.Expected is { } version ? new ExpectedVersion(version) : null,
        CorrelationId = routed.CorrelationId,
        CausationId = routed.CausationId,
        TraceParent = routed.TraceParent,
        Received = DateTimeOffset.FromUnixTimeMilliseconds(routed.Received),
        Travelled = true,
    };

    /// <summary>The answer as it travels; of a command that could not be read, that it is declined.</summary>
    public RoutedAnswer Answer(Pending<TState, TCommand>? pending)
    {
        if (pending is null)
        {
            return new RoutedAnswer { Declined = true };
        }

        if (pending.Outcome.IsFaulted)
        {
            return new RoutedAnswer { Failure = pending.Outcome.Exception!.InnerException!.Message };
        }

        if (!pending.Outcome.IsCompletedSuccessfully)
        {
            return new RoutedAnswer();
        }

        var outcome = pending.Answered!;
        return new RoutedAnswer
        {
            Outcome = OutcomeNames.Of(outcome.Kind),
            Refusal = outcome.Refusal,
            State = outcome.State is null ? null : JsonSerializer.SerializeToElement(outcome.State, decider.StateJson),
            Version = outcome.Version,
            Position = outcome.Position.Position,
        };
    }

    public void Finish(Pending<TState, TCommand> pending, RoutedAnswer answer, int partition)
    {
        if (answer.Failure is not null)
        {
            pending.Fail(answer.Failure);
        }
        else if (answer.Outcome is not null)
        {
            if (OutcomeNames.Parse(answer.Outcome) is { } kind && StrictJson.TryRead(answer.State, decider.StateJson, out var state))
            {
                pending.Answer(new Outcome<TState>(kind, answer.Refusal, state, answer.Version, new LogPosition(partition, answer.Position)));
            }
            else
            {
                pending.Fail("A newer version of the service answered what this one cannot read.");
            }
        }
    }
}
