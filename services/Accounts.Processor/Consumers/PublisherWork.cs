using Accounts.Processor.Functions;

namespace Accounts.Processor.Consumers;

/// <summary>Publishes what a batch of events asks for.</summary>
internal sealed class PublisherWork(Function.Publisher publisher, EventPublisher sender)
{
    private const int MessagesPerCall = 100;
    private const int BytesPerCall = 1 << 20;
    private const int CallsInFlight = 4;

    /// <summary>
    /// Returns when the broker has every message. Messages of one account never travel in one call, and the next one's call
    /// begins when the one before has ended, so that the broker gets them in order.
    /// </summary>
    public async Task<EventFailure?> ApplyAsync(IReadOnlyList<LoggedRecord> records, CancellationToken stopping, CancellationToken cancellation)
    {
        var (rounds, failure) = Rounds(records);
        foreach (var round in rounds)
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = CallsInFlight, CancellationToken = stopping };
            await Parallel.ForEachAsync(Calls(round), options, async (call, _) =>
                await sender.PublishAsync(publisher.PubSub, publisher.Topic, call, stopping, cancellation));
        }

        return failure;
    }

    /// <summary>The first message of each account, then the second of each, and so on; up to an event that fails.</summary>
    private (List<List<OutgoingMessage>> Rounds, EventFailure? Failure) Rounds(IReadOnlyList<LoggedRecord> records)
    {
        var rounds = new List<List<OutgoingMessage>>();
        var sent = new Dictionary<string, int>();
        foreach (var logged in records.SelectMany(record => record.Events).Where(publisher.Handles))
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
                return (rounds, new EventFailure(logged, cause));
            }
        }

        return (rounds, null);
    }

    private static IEnumerable<IReadOnlyList<OutgoingMessage>> Calls(List<OutgoingMessage> messages)
    {
        var call = new List<OutgoingMessage>();
        var bytes = 0;
        foreach (var message in messages)
        {
            if (call.Count > 0 && (call.Count == MessagesPerCall || bytes + message.CloudEvent.Length > BytesPerCall))
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
