using EventLog;
using Google.Protobuf;
using Grpc.Core;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace Accounts.Processor.Consumers;

/// <summary>A message on its way to a topic: a whole CloudEvent, and the key of those among which the order counts.</summary>
internal readonly record struct OutgoingMessage(string PartitionKey, ReadOnlyMemory<byte> CloudEvent);

/// <summary>
/// Publishes messages in bulk until the broker has them, through the sidecar. Uses the generated client, because the SDK's
/// method gives all entries the same metadata, and partition keys differ.
/// </summary>
internal sealed class EventPublisher(Autogen.Dapr.DaprClient dapr, Outage outage, TimeProvider time)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private volatile bool _onlyAlpha;

    /// <summary>
    /// Returns when the broker has taken all. The answer to a failed bulk publish does not say which entries went through,
    /// so all of them are sent again.
    /// </summary>
    /// <param name="pubSub">The component.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="messages">Messages whose order among each other does not count: the sidecar scrambles it.</param>
    /// <param name="stopping">The service stops: do not wait for a broker that is away.</param>
    /// <param name="cancellation">Give up what is in flight.</param>
    public async Task PublishAsync(
        string pubSub, string topic, IReadOnlyList<OutgoingMessage> messages, CancellationToken stopping, CancellationToken cancellation)
    {
        var request = new Autogen.BulkPublishRequest { PubsubName = pubSub, Topic = topic };
        foreach (var message in messages)
        {
            request.Entries.Add(new Autogen.BulkPublishRequestEntry
            {
                EntryId = $"{request.Entries.Count}",
                Event = UnsafeByteOperations.UnsafeWrap(message.CloudEvent),
                ContentType = "application/cloudevents+json",
                Metadata = { ["partitionKey"] = message.PartitionKey },
            });
        }

        var patience = outage.Patience();
        while (!await TryPublishAsync(request, cancellation))
        {
            await patience.WaitAsync(stopping);
        }
    }

    private async Task<bool> TryPublishAsync(Autogen.BulkPublishRequest request, CancellationToken cancellation)
    {
        try
        {
            var answer = await CallAsync(request, cancellation);
            if (answer.FailedEntries.Count == 0)
            {
                outage.Answered();
                return true;
            }

            outage.Failed(new IOException($"{answer.FailedEntries.Count} of {request.Entries.Count} messages: {answer.FailedEntries[0].Error}"));
        }
        catch (RpcException failure) when (!cancellation.IsCancellationRequested)
        {
            outage.Failed(failure);
        }

        return false;
    }

    private async Task<Autogen.BulkPublishResponse> CallAsync(Autogen.BulkPublishRequest request, CancellationToken cancellation)
    {
        // Dapr before 1.17 knows the method by its first name only.
        var deadline = time.GetUtcNow().UtcDateTime + Timeout;
        if (!_onlyAlpha)
        {
            try
            {
                return await dapr.BulkPublishEventAsync(request, deadline: deadline, cancellationToken: cancellation);
            }
            catch (RpcException unknown) when (unknown.StatusCode is StatusCode.Unimplemented)
            {
                _onlyAlpha = true;
            }
        }

#pragma warning disable CS0612 // Obsolete by its name only: older runtimes have no other.
        return await dapr.BulkPublishEventAlpha1Async(request, deadline: deadline, cancellationToken: cancellation);
#pragma warning restore CS0612
    }
}
