using Accounts.Processor.Functions;

namespace Accounts.Processor.Consumers;

/// <summary>Publishes what a batch of events asks for.</summary>
internal sealed class PublisherWork(Function.Publisher publisher, EventPublisher sender)
{
    private const int CallsInFlight = 4;

    /// <summary>
    /// Returns when the broker has every message. Messages of one account never travel in one call, and the next one's call
    /// begins when the one before has ended, so that the broker gets them in order.
    /// </summary>
    public async Task<IReadOnlyList<EventFailure>> ApplyAsync(Batch batch, CancellationToken stopping, CancellationToken cancellation)
    {
        var (rounds, failures) = Rounds(batch);
        foreach (var (index, round) in rounds.Index())
        {
            // What follows the first message of an account has waited for it, and does not wait for company as well.
            var together = index == 0;
            await UntilStopped.ForEachAsync(
                Calls(round), CallsInFlight, call => sender.PublishAsync(publisher.PubSub, publisher.Topic, call, together, stopping, cancellation), stopping);
        }

        return [.. failures.Values];
    }

    /// <summary>The first message of each account, then the second of each, and so on; of an account up to an event that fails.</summary>
    private (List<List<OutgoingMessage>> Rounds, Dictionary<string, EventFailure> Failures) Rounds(Batch batch)
    {
        var rounds = new List<List<OutgoingMessage>>();
        var sent = new Dictionary<string, int>();
        var failures = new Dictionary<string, EventFailure>();
        foreach (var logged in batch.For(publisher).Where(logged => !failures.ContainsKey(logged.Account)))
        {
            try
            {
                if (publisher.Message(logged) is not { } message)
                {
                    continue;
                }

                var round = sent.GetValueOrDefault(message.PartitionKey);
                sent[message.PartitionKey] = round + 1;
                if (round == rounds.Count)
                {
                    rounds.Add([]);
                }

                rounds[round].Add(message);
            }
            catch (Exception cause)
            {
                failures[logged.Account] = new EventFailure(logged, cause);
            }
        }

        return (rounds, failures);
    }

    private static IEnumerable<IReadOnlyList<OutgoingMessage>> Calls(List<OutgoingMessage> messages)
    {
        var call = new List<OutgoingMessage>();
        var bytes = 0;
        foreach (var message in messages)
        {
            if (call.Count > 0 && (call.Count == EventPublisher.MessagesPerCall || bytes + message.CloudEvent.Length > EventPublisher.BytesPerCall))
            {
                yield return call;
                (call, bytes) = ([], 0);
            }

            call.Add(message);
            bytes += message.CloudEvent.Length;
        }

        if (call.Count > 0)
        {
            yield return call;
        }
    }
}
