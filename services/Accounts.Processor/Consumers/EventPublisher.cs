using System.Collections.Concurrent;
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
    /// <summary>Most messages of a call.</summary>
    public const int MessagesPerCall = 100;

    /// <summary>Most bytes of a call with more than one message; the sidecar takes 4 MiB.</summary>
    public const int BytesPerCall = 1 << 20;

    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(string PubSub, string Topic), SharedCalls<IReadOnlyList<OutgoingMessage>, bool>> _topics = new();
    private volatile bool _onlyAlpha;

    /// <summary>
    /// Returns when the broker has taken all. The answer to a failed bulk publish does not say which entries went through,
    /// so all of them are sent again.
    /// </summary>
    /// <param name="pubSub">The component.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="messages">Messages whose order among each other does not count: the sidecar scrambles it.</param>
    /// <param name="together">Small calls wait a moment for those of others.</param>
    /// <param name="stopping">The service stops: do not wait for a broker that is away.</param>
    /// <param name="cancellation">Give up what is in flight.</param>
    public async Task PublishAsync(
        string pubSub, string topic, IReadOnlyList<OutgoingMessage> messages, bool together, CancellationToken stopping, CancellationToken cancellation)
    {
        var calls = _topics.GetOrAdd((pubSub, topic), Calls);
        var patience = outage.Patience();
        while (true)
        {
            try
            {
                await (together ? calls.CallAsync(messages, cancellation) : SendAsync(pubSub, topic, messages, cancellation));
                outage.Answered();
                return;
            }
            catch (Exception failure) when (failure is RpcException or IOException && !cancellation.IsCancellationRequested)
            {
                outage.Failed(failure);
            }

            await patience.WaitAsync(stopping);
        }
    }

    /// <summary>
    /// Calls of one topic. None holds two messages with the same key. A call is waited for as long as it takes: one that came late
    /// would bring old messages after newer ones.
    /// </summary>
    private SharedCalls<IReadOnlyList<OutgoingMessage>, bool> Calls((string PubSub, string Topic) at) => new(
        (calls, cancellation) => SendAsync(at.PubSub, at.Topic, calls.SelectMany(messages => messages), cancellation),
        messages => Math.Max((double)messages.Count / MessagesPerCall, messages.Sum(message => (double)message.CloudEvent.Length) / BytesPerCall),
        messages => messages.Select(message => message.PartitionKey),
        Timeout.InfiniteTimeSpan, time);

    private async Task<bool> SendAsync(string pubSub, string topic, IEnumerable<OutgoingMessage> messages, CancellationToken cancellation)
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

        var answer = await CallAsync(request, cancellation);
        return answer.FailedEntries.Count == 0
            ? true
            : throw new IOException($"{answer.FailedEntries.Count} of {request.Entries.Count} messages: {answer.FailedEntries[0].Error}");
    }

    private async Task<Autogen.BulkPublishResponse> CallAsync(Autogen.BulkPublishRequest request, CancellationToken cancellation)
    {
        // Dapr before 1.17 knows the method by its first name only.
        var deadline = time.GetUtcNow().UtcDateTime + CallTimeout;
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
