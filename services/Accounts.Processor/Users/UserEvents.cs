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

    private const string Deleted = "user.deleted";

    /// <summary>
    /// A message is taken when all that follows from it is done. One that is none goes to the dead-letter topic, as one does for
    /// which the retries of the component were not enough.
    /// </summary>
    public static void MapUserEvents(this WebApplication app, UserDeletions deletions) => app
        .MapPost(Path, async (HttpContext context, ILogger<UserDeletions> logger) =>
        {
            using var message = await ParseAsync(context.Request.Body, context.RequestAborted);
            if (Read(message?.RootElement) is not { } read)
            {
                logger.LogWarning("A message on {Topic} is no CloudEvent with id and type, or not what its type says; it is dropped", Topics.UserEvents);
                return Answer("DROP");
            }

            if (read.User is { } user)
            {
                await deletions.DeleteAsync(user, read.Cause, context.RequestAborted);
            }

            return Answer("SUCCESS");
        })
        .WithTopic(new TopicOptions { PubsubName = Components.Events, Name = Topics.UserEvents, DeadLetterTopic = Topics.UserEventsDead })
        .ExcludeFromDescription();

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

    private static async Task<JsonDocument?> ParseAsync(Stream body, CancellationToken cancellation)
    {
        try
        {
            return await JsonDocument.ParseAsync(body, default, cancellation);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ContentHttpResult Answer(string status) => TypedResults.Text($$"""{"status":"{{status}}"}""", MediaTypes.Json);
}
