using System.Collections.Concurrent;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Dapr;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Accounts.Processor.Users;

/// <summary>What other microservices say of users (docs/user-events.md).</summary>
internal static class UserEvents
{
    public const string Path = "/user-events";

    public const string DeadPath = "/user-events-dead";

    /// <summary>Why something is no message.</summary>
    public const string NoMessage = "It is no CloudEvent with id and type, or not what its type says.";

    private const string Deleted = "user.deleted";
    private const int MostCauses = 1_000;

    /// <summary>
    /// A message is taken when all that follows from it is done. One that is none goes to the dead-letter topic, as one does for
    /// which the retries of the component were not enough.
    /// </summary>
    /// <param name="app">The application.</param>
    /// <param name="deletions">Does it.</param>
    /// <param name="causes">Why messages failed here, by id.</param>
    public static void MapUserEvents(this WebApplication app, UserDeletions deletions, ConcurrentDictionary<string, string> causes) => app
        .MapPost(Path, async (HttpContext context, ILogger<UserDeletions> logger) =>
        {
            if (Read(await BodyAsync(context)) is not { } read)
            {
                logger.LogWarning("A message on {Topic} is no CloudEvent with id and type, or not what its type says; it is dropped", Topics.UserEvents);
                return Answer("DROP");
            }

            try
            {
                if (read.User is { } user)
                {
                    await deletions.DeleteAsync(user, read.Cause, context.RequestAborted);
                }

                causes.TryRemove(read.Cause.Id, out _);
                return Answer("SUCCESS");
            }
            catch (CommandRefusedException refused)
            {
                logger.LogWarning("Message {Message} on {Topic} cannot be taken now: {Reason}", read.Cause.Id, Topics.UserEvents, refused.Message);
                if (causes.Count < MostCauses)
                {
                    causes[read.Cause.Id] = refused.Message;
                }

                return Answer("RETRY");
            }
        })
        .WithTopic(new TopicOptions { PubsubName = Components.Events, Name = Topics.UserEvents, DeadLetterTopic = Topics.UserEventsDead })
        .ExcludeFromDescription();

    /// <summary>
    /// What could not be taken is kept for operators. While it cannot be kept, the store is waited for, and when the service stops
    /// meanwhile, or there is no room, the broker is asked to bring it again.
    /// </summary>
    /// <param name="app">The application.</param>
    /// <param name="causes">Why messages failed on this replica, by id.</param>
    public static void MapDeadUserEvents(this WebApplication app, ConcurrentDictionary<string, string> causes) => app
        .MapPost(DeadPath, async (HttpContext context, FunctionHost host, IHostApplicationLifetime life, TimeProvider time, ILogger<DeadLetters> logger) =>
        {
            var message = await BodyAsync(context);
            var (id, read) = (IdOf(message), Read(message));
            var reason = read is not { } found ? NoMessage
                : causes.GetValueOrDefault(found.Cause.Id) ?? "Every try failed; the log of the service names it by the message's id.";
            using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, life.ApplicationStopping);
            try
            {
                var at = host.Operator ?? throw new InvalidOperationException("The log and the views are not open yet.");
                await new Outage("The views, which a dead letter needs,", time, Random.Shared, logger).PersistAsync(
                    async () =>
                    {
                        await new DeadLetters(at.Log.Id, at.Views).KeepAsync(message, id, reason, time.GetUtcNow(), either.Token);
                        return true;
                    },
                    either.Token);
                causes.TryRemove(read?.Cause.Id ?? "", out _);
                logger.LogError("Message {Message} on {Topic} could not be taken and is kept: {Reason} GET /v1/dead-letters", id, Topics.UserEvents, reason);
                return Answer("SUCCESS");
            }
            catch (Exception cause)
            {
                logger.LogCritical(
                    "Dead letter {Message} of {Topic} cannot be kept now, the broker is to bring it again: {Reason}", id, Topics.UserEvents, cause.Message);
                return Answer("RETRY");
            }
        })
        .WithTopic(Components.Events, Topics.UserEventsDead)
        .ExcludeFromDescription();

    /// <summary>As the other one, of bytes.</summary>
    internal static (long? User, CommandCause Cause)? Read(ReadOnlyMemory<byte> message)
    {
        using var document = Parse(message);
        return Read(document?.RootElement);
    }

    /// <summary>Null: not to be understood. Without a user: of a kind that is no business of ours.</summary>
    internal static (long? User, CommandCause Cause)? Read(JsonElement? message)
    {
        if (message is not { ValueKind: JsonValueKind.Object } envelope || Text(envelope, "type") is not { } type || Text(envelope, "id") is not { } id)
        {
            return null;
        }

        var cause = new CommandCause(Header(id), Header(Text(envelope, "correlationid") ?? id), Text(envelope, "traceparent"));
        if (type != Deleted)
        {
            return (null, cause);
        }

        return envelope.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Object
            && data.TryGetProperty("userId", out var user) && user.ValueKind == JsonValueKind.Number && user.TryGetInt64(out var number)
            && number is >= 0 and <= AccountNumbers.MaxUserId
            ? (number, cause)
            : null;
    }

    /// <summary>What may travel in our headers: others' ids may be of any kind.</summary>
    private static string Header(string text) => text.Length <= 128 && text.All(c => c is > ' ' and <= '~')
        ? text
        : Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)));

    private static string? Text(JsonElement envelope, string name) =>
        envelope.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static string? IdOf(ReadOnlyMemory<byte> message)
    {
        using var document = Parse(message);
        return document?.RootElement is { ValueKind: JsonValueKind.Object } envelope ? Text(envelope, "id") : null;
    }

    private static JsonDocument? Parse(ReadOnlyMemory<byte> message)
    {
        try
        {
            return JsonDocument.Parse(message);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async Task<ReadOnlyMemory<byte>> BodyAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        return body.ToArray();
    }

    private static ContentHttpResult Answer(string status) => TypedResults.Text($$"""{"status":"{{status}}"}""", MediaTypes.Json);
}
