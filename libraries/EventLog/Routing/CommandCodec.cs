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

    public Pending<TState, TCommand> Read(RoutedCommand routed) => new()
    {
        Id = routed.Id,
        Keyed = routed.Keyed,
        Stream = routed.Stream,
        Command = routed.Command?.Deserialize(decider.CommandJson),
        Fingerprint = routed.Fingerprint,
        Expected = routed.Expected is { } version ? new ExpectedVersion(version) : null,
        CorrelationId = routed.CorrelationId,
        CausationId = routed.CausationId,
        TraceParent = routed.TraceParent,
        Received = DateTimeOffset.FromUnixTimeMilliseconds(routed.Received),
        Travelled = true,
    };

    public RoutedAnswer Answer(Pending<TState, TCommand> pending)
    {
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
            pending.Answer(new Outcome<TState>(
                OutcomeNames.Parse(answer.Outcome),
                answer.Refusal,
                answer.State?.Deserialize(decider.StateJson),
                answer.Version,
                new LogPosition(partition, answer.Position)));
        }
    }
}
