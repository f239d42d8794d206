using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using EventLog;
using ServiceDefaults;

namespace Accounts.Command;

/// <summary>What a command's headers say about it.</summary>
internal sealed record CommandHeaders(string? Key, ExpectedVersion? Expected, string CorrelationId, string? CausationId, string? TraceParent = null)
{
    private const int MaxKeyLength = 255;

    public static CommandHeaders Read(HttpContext context, Dictionary<string, string[]> wrong) => new(
        ReadKey(context.Request, wrong),
        ReadExpected(context.Request, wrong),
        context.CorrelationId(),
        context.CausationId(),
        Trace(context.Request));

    public Submission<AccountCommand> Submission(string stream, AccountCommand command) => new()
    {
        Stream = stream,
        Command = command,
        Key = Key,
        Fingerprint = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(command, AccountStorage.CommandJson)).AsSpan(0, 16)),
        Expected = Expected,
        CorrelationId = CorrelationId,
        CausationId = CausationId,
        TraceParent = TraceParent,
    };

    /// <summary>A key as a client can send it: bare, or quoted when it has characters that a bare one cannot have.</summary>
    public static string Write(string key) =>
        key.All(IsBare) ? key : $"\"{key.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    // Where nothing is exported there is no activity of ours, and the caller's own goes on.
    public static string? Trace(HttpRequest request) =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id
        : ActivityContext.TryParse(request.Headers.TraceParent, null, out _) ? request.Headers.TraceParent.ToString()
        : null;

    private static string? ReadKey(HttpRequest request, Dictionary<string, string[]> wrong)
    {
        var values = request.Headers[AccountHeaders.IdempotencyKey];
        if (values.Count == 0)
        {
            return null;
        }

        var key = values is [{ } value] ? ParseKey(value) : null;
        if (key is not { Length: > 0 and <= MaxKeyLength })
        {
            wrong[AccountHeaders.IdempotencyKey] = [$"must be given once, with 1 to {MaxKeyLength} visible ASCII characters, bare or as a quoted string"];
            return null;
        }

        return key;
    }

    // The draft of the header wants a quoted string (RFC 8941), most clients send it bare: both name the same key.
    private static string? ParseKey(string value)
    {
        if (value is not ['"', .. var inner, '"'])
        {
            return value.All(IsBare) ? value : null;
        }

        var key = new System.Text.StringBuilder(inner.Length);
        for (var i = 0; i < inner.Length; i++)
        {
            var escaped = inner[i] == '\\';
            if (escaped && ++i == inner.Length)
            {
                return null;
            }

            if (inner[i] is < ' ' or > '~' || escaped != inner[i] is '"' or '\\')
            {
                return null;
            }

            key.Append(inner[i]);
        }

        return key.ToString();
    }

    private static bool IsBare(char c) => c is > ' ' and <= '~' and not '"' and not '\\' and not ',';

    private static ExpectedVersion? ReadExpected(HttpRequest request, Dictionary<string, string[]> wrong)
    {
        switch (request.Headers.IfMatch.ToArray())
        {
            case []:
                return null;
            case ["*"]:
                return ExpectedVersion.Exists;
            case [['"', .. var tag, '"']] when tag.All(c => c is > ' ' and <= '~' and not '"'):
                // A tag that this service never gave matches no version.
                return long.TryParse(tag, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && tag == version.ToString(CultureInfo.InvariantCulture)
                    ? ExpectedVersion.Exactly(version)
                    : ExpectedVersion.Exactly(long.MaxValue);
            default:
                wrong["If-Match"] = ["must be one strong ETag, or *"];
                return null;
        }
    }
}
