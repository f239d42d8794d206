using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Resiliency;
using Sidecar.Server;

namespace Sidecar.PubSub;

/// <summary>
/// One subscription of one replica of an app. It takes one message at a time and goes on only when the app, the policy
/// and the dead-letter topic are done with it, as Dapr's in-memory component does.
/// </summary>
internal sealed class Consumer(
    PubSubComponent component, Subscription subscription, IReadOnlyList<Route> routes,
    AppChannel channel, Policy policy, TimeProvider time, Action<string> log) : IAsyncDisposable
{
    // Dapr lets what is under way finish for so long when the sidecar stops, and bounds the dead-letter publish likewise.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _abort = new();
    private Task _loop = Task.CompletedTask;

    public void Start()
    {
        var backlog = component.Subscribe(subscription.Topic);
        _loop = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    var message = await backlog.TakeAsync(_stopping.Token);
                    await component.DeliverableAsync(_stopping.Token);
                    await HandleSafelyAsync(message);
                }
            }
            catch (OperationCanceledException)
            {
            }
        });
    }

    /// <summary>Takes no more messages, lets the one that the app is at work on finish, and starts no further retry.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        component.Unsubscribe(subscription.Topic);
        _abort.CancelAfter(Patience);
        await _loop;
        _stopping.Dispose();
        _abort.Dispose();
    }

    // One message that nobody foresaw must not end the subscription.
    private async Task HandleSafelyAsync(Message message)
    {
        try
        {
            await HandleAsync(message);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await FailAsync(message, $"cannot be handled: {e.Message}");
        }
    }

    private async Task HandleAsync(Message message)
    {
        if (subscription.Bulk is { } bulk && bulk.MaxMessages > 1)
        {
            // The broker hands over one message and waits for its end, so the window in which more could be gathered
            // always passes with this one alone.
            await Task.Delay(bulk.MaxWait, time, _stopping.Token);
        }

        var raw = IsTrue("rawPayload");
        var body = raw && subscription.Bulk is null ? Envelope.OfRaw(message, component.Name, subscription.Topic) : message.Data;
        using var document = Parse(body, raw && subscription.Bulk is not null);
        if (document is null)
        {
            await FailAsync(message, "is no CloudEvent");
            return;
        }

        var cloudEvent = document.RootElement;
        if (Expired(cloudEvent))
        {
            await DeadLetterAsync(message);
            return;
        }

        string? path;
        try
        {
            path = routes.FirstOrDefault(r => r.Matches(cloudEvent))?.Path;
        }
        catch (CelException e)
        {
            await FailAsync(message, $"meets a rule that fails: {e.Message}");
            return;
        }

        if (path is null)
        {
            await DeadLetterAsync(message);
            return;
        }

        var attempt = await policy.RunAsync(
            token => DeliverAsync(message, body, cloudEvent, path, raw, token),
            Attempt.Judge, new Attempt(Outcome.Retry, null), time, _stopping.Token, _abort.Token);
        if (attempt.Outcome == Outcome.Drop)
        {
            await DeadLetterAsync(message);
        }
        else if (attempt.Outcome == Outcome.Retry && !_stopping.IsCancellationRequested)
        {
            await FailAsync(message, $"was refused at {path}");
        }
    }

    private async Task<Attempt> DeliverAsync(
        Message message, ReadOnlyMemory<byte> body, JsonElement cloudEvent, string path, bool raw, CancellationToken cancellation)
    {
        var traceParent = Trace(cloudEvent, message);
        if (subscription.Bulk is null)
        {
            return await Delivery.PostAsync(
                channel, path, "application/cloudevents+json", body, message.Metadata, component.Name, traceParent, null, cancellation);
        }

        var entryId = Guid.NewGuid().ToString();
        return await Delivery.PostAsync(
            channel, path, "application/json", Bulk(message, entryId, cloudEvent, raw), Message.NoMetadata, component.Name,
            traceParent, entryId, cancellation);
    }

    private byte[] Bulk(Message message, string entryId, JsonElement cloudEvent, bool raw)
    {
        var buffer = new ArrayBufferWriter<byte>(message.Data.Length + 512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("entries");
            writer.WriteStartObject();
            writer.WriteString("entryId", entryId);
            if (raw)
            {
                writer.WriteBase64String("event", message.Data.Span);
            }
            else
            {
                writer.WritePropertyName("event");
                GoJson.Write(writer, cloudEvent);
            }

            writer.WritePropertyName("metadata");
            if (message.Metadata.Count == 0)
            {
                writer.WriteNullValue();
            }
            else
            {
                JsonSerializer.Serialize(writer, message.Metadata);
            }

            writer.WriteString("contentType", raw ? "application/octet-stream" : "application/cloudevents+json");
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteString("id", Guid.NewGuid());
            writer.WriteStartObject("metadata");
            writer.WriteString("pubsubName", component.Name);
            writer.WriteEndObject();
            writer.WriteString("pubsubname", component.Name);
            writer.WriteString("topic", subscription.Topic);
            writer.WriteString("type", "com.dapr.event.sent.bulk");
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private async Task FailAsync(Message message, string why)
    {
        if (!await DeadLetterAsync(message))
        {
            log($"pub/sub {component.Name}, topic {subscription.Topic}: a message {why}, and is gone");
        }
    }

    /// <summary>Publishes the message as it came to the dead-letter topic. False when there is none, or it cannot be reached.</summary>
    private async Task<bool> DeadLetterAsync(Message message)
    {
        if (subscription.DeadLetterTopic is not { Length: > 0 } topic || !component.MayPublish(topic))
        {
            return false;
        }

        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopping.Token);
        try
        {
            await component.PublishAsync(topic, message, either.Token);
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException or PublishException)
        {
            return false;
        }
    }

    private bool IsTrue(string name) =>
        Truth.Parse(subscription.Metadata.GetValueOrDefault(name)) == true;

    private bool Expired(JsonElement cloudEvent) =>
        cloudEvent.ValueKind == JsonValueKind.Object
        && cloudEvent.TryGetProperty("expiration", out var expiration) && expiration.ValueKind == JsonValueKind.String
        && DateTimeOffset.TryParse(expiration.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end)
        && end < time.GetUtcNow();

    // An event that says nothing of a trace is delivered without one; an empty or broken parent begins a new trace.
    private static string? Trace(JsonElement cloudEvent, Message message)
    {
        foreach (var name in (ReadOnlySpan<string>)["traceparent", "traceid"])
        {
            if (cloudEvent.ValueKind == JsonValueKind.Object && cloudEvent.TryGetProperty(name, out var parent)
                && parent.ValueKind != JsonValueKind.Null)
            {
                return parent.ValueKind == JsonValueKind.String ? TraceContext.From(parent.GetString(), null).Parent : null;
            }
        }

        return (message.Metadata.GetValueOrDefault("traceparent") ?? message.Metadata.GetValueOrDefault("traceid")) is { } carried
            ? TraceContext.From(carried, null).Parent
            : null;
    }

    private static JsonDocument? Parse(ReadOnlyMemory<byte> body, bool opaque)
    {
        if (opaque)
        {
            return JsonDocument.Parse("null");
        }

        try
        {
            var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 900 });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
        }
        catch (JsonException)
        {
        }

        return null;
    }
}
