using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Grpc.Core;
using Sidecar.Server;

namespace Sidecar.State;

/// <summary>The HTTP API of states.</summary>
internal static class StateHttpApi
{
    private static readonly JsonWriterOptions _json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly string[] _write = [HttpMethods.Post, HttpMethods.Put];

    public static void Map(IEndpointRouteBuilder routes, AppSidecar sidecar)
    {
        routes.MapMethods("/v1.0/state/{store}", _write, http => SaveAsync(http, sidecar.States.Find(http.Param("store"))));
        routes.MapMethods("/v1.0/state/{store}/bulk", _write, http => GetManyAsync(http, sidecar.States.Find(http.Param("store"))));
        routes.MapMethods("/v1.0/state/{store}/transaction", _write, http => TransactAsync(http, sidecar.States.Find(http.Param("store"))));
        routes.MapGet("/v1.0/state/{store}/{key}", http => GetAsync(http, sidecar.States.Find(http.Param("store"))));
        routes.MapDelete("/v1.0/state/{store}/{key}", http => DeleteAsync(http, sidecar.States.Find(http.Param("store"))));
        routes.MapMethods("/v1.0-alpha1/state/{store}/query", _write, http =>
            throw StateApi.CannotQuery(sidecar.States.Find(http.Param("store"))).Fault());
    }

    private static async Task GetAsync(HttpContext http, StateComponent store)
    {
        if (await StateApi.GetAsync(store, http.Param("key"), http.RequestAborted) is not { } row)
        {
            await http.AnswerNothingAsync();
            return;
        }

        http.Response.Headers.ETag = row.ETag;
        foreach (var (name, value) in row.Metadata)
        {
            http.Response.Headers["metadata." + name] = value;
        }

        if (row.Value.IsEmpty)
        {
            await http.AnswerNothingAsync();
            return;
        }

        await http.AnswerJsonAsync(StatusCodes.Status200OK, row.Value);
    }

    private static async Task SaveAsync(HttpContext http, StateComponent store)
    {
        var body = await http.BodyAsync();
        var writes = new List<StateWrite>();
        try
        {
            foreach (var item in GoJson.Read(body, JsonValueKind.Array, "[]state.SetRequest").EnumerateArray())
            {
                if (item.ValueKind != JsonValueKind.Object)
                {
                    GoJson.Read(JsonSerializer.SerializeToUtf8Bytes(item), JsonValueKind.Object, "state.SetRequest");
                }

                var key = item.Text("key", "SetRequest.key") ?? "";
                writes.Add(key.Length > 0
                    ? Upsert(store, key, item)
                    : throw Malformed("\"key\" is a required field").Fault());
            }
        }
        catch (FormatException e)
        {
            throw Malformed(e.Message).Fault();
        }

        if (writes.Count > 0)
        {
            await StateApi.SaveAsync(store, writes, http.RequestAborted);
        }

        await http.AnswerNothingAsync();
    }

    private static async Task DeleteAsync(HttpContext http, StateComponent store)
    {
        var etag = http.Request.Headers.IfMatch.ToString();
        var concurrency = ConcurrencyOf(store, http.Request.Query["concurrency"].ToString(), http.Request.Query["consistency"].ToString());
        await StateApi.DeleteAsync(store, StateApi.Delete(store, http.Param("key"), etag, concurrency), http.RequestAborted);
        await http.AnswerNothingAsync();
    }

    private static async Task TransactAsync(HttpContext http, StateComponent store)
    {
        var body = await http.BodyAsync();
        var writes = new List<StateWrite>();
        try
        {
            var request = GoJson.Read(body, JsonValueKind.Object, "http.stateTransactionRequestBody");
            foreach (var operation in request.Member("operations")?.EnumerateArray() ?? default)
            {
                var kind = operation.Text("operation", "stateTransactionRequestBodyOperation.operations.operation") ?? "";
                var item = operation.Member("request") ?? default;
                var key = item.Text("key", "request.key") ?? "";
                writes.Add(kind switch
                {
                    "upsert" => Upsert(store, key, item),
                    "delete" => StateApi.Delete(store, key, item.Text("etag", "request.etag"), Options(store, item)),
                    _ => throw StateApi.UnknownOperation(kind).Fault(),
                });
            }
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException)
        {
            throw Malformed($"failed deserializing HTTP body: {e.Message}").Fault();
        }

        await StateApi.TransactAsync(store, writes, http.RequestAborted);
        await http.AnswerNothingAsync();
    }

    private static async Task GetManyAsync(HttpContext http, StateComponent store)
    {
        var body = await http.BodyAsync();
        List<string> keys;
        try
        {
            var request = GoJson.Read(body, JsonValueKind.Object, "http.BulkGetRequest");
            keys = [.. (request.Member("keys")?.EnumerateArray() ?? default).Select(k => k.GetString() ?? "")];
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException)
        {
            throw Malformed($"failed deserializing HTTP body: {e.Message}").Fault();
        }

        var answers = await StateApi.GetManyAsync(store, keys, http.RequestAborted);
        await http.AnswerJsonAsync(StatusCodes.Status200OK, ToJson(answers));
    }

    private static byte[] ToJson(IReadOnlyList<(string Key, StateRow? Row, string? Error)> answers)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, _json))
        {
            json.WriteStartArray();
            foreach (var (key, row, error) in answers)
            {
                json.WriteStartObject();
                json.WriteString("key", key);
                if (row is { Value.IsEmpty: false })
                {
                    json.WritePropertyName("data");
                    WriteStored(json, row.Value.Span);
                }

                if (row is not null)
                {
                    json.WriteString("etag", row.ETag);
                }

                if (row?.Expires is not null)
                {
                    json.WriteStartObject("metadata");
                    foreach (var (name, value) in row.Metadata)
                    {
                        json.WriteString(name, value);
                    }

                    json.WriteEndObject();
                }

                if (error is not null)
                {
                    json.WriteString("error", error);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return [.. buffer.WrittenSpan, (byte)'\n'];
    }

    /// <summary>What was saved through gRPC need not be JSON, and then Dapr cannot put it into an answer either.</summary>
    private static void WriteStored(Utf8JsonWriter json, ReadOnlySpan<byte> value)
    {
        try
        {
            json.WriteRawValue(value);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new DaprError(
                "ERR_STATE_BULK_GET",
                $"error calling MarshalJSON for type json.RawMessage: {e.Message}",
                StatusCodes.Status500InternalServerError,
                StatusCode.Internal).Fault();
        }
    }

    private static StateWrite Upsert(StateComponent store, string key, JsonElement item) => StateApi.Write(
        store,
        key,
        item.Member("value") is { } value ? GoJson.Write(value) : "null"u8.ToArray(),
        item.Text("etag", "SetRequest.etag"),
        Options(store, item),
        item.Texts("metadata", "SetRequest.metadata"));

    private static Concurrency Options(StateComponent store, JsonElement item)
    {
        var options = item.Member("options") ?? default;
        return ConcurrencyOf(
            store,
            options.Text("concurrency", "SetStateOption.options.concurrency"),
            options.Text("consistency", "SetStateOption.options.consistency"));
    }

    private static Concurrency ConcurrencyOf(StateComponent store, string? concurrency, string? consistency)
    {
        var parsed = concurrency switch
        {
            null or "" => Concurrency.Unspecified,
            "first-write" => Concurrency.FirstWrite,
            "last-write" => Concurrency.LastWrite,
            _ => throw StateApi.SaveRefused(store, $"unrecognized concurrency model '{concurrency}'").Fault(),
        };
        return consistency is null or "" or "strong" or "eventual"
            ? parsed
            : throw StateApi.SaveRefused(store, $"unrecognized consistency model '{consistency}'").Fault();
    }

    private static DaprError Malformed(string message) =>
        new("ERR_MALFORMED_REQUEST", message, StatusCodes.Status400BadRequest, StatusCode.InvalidArgument);
}
