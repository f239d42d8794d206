using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using TestSupport;

namespace SystemTests;

/// <summary>What a store does although it should not.</summary>
public enum Lie
{
    CreatesAreAlwaysAccepted,
    StaleETagsAreAccepted,
    KeysExpire,
}

/// <summary>Just as much of a sidecar's state API as a service needs to find out that one of its two stores lies.</summary>
public sealed class LyingSidecar : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly ConcurrentDictionary<(string Store, string Key), (ByteString Value, int ETag)> _rows = new();
    private readonly Lock _gate = new();
    private readonly string _liar;
    private readonly Lie _lie;

    private LyingSidecar(string liar, Lie lie)
    {
        (_liar, _lie) = (liar, lie);
        Port = FreePorts.Next();
        _rows[("event-log", "log")] = (ByteString.CopyFromUtf8("""{"format":1,"partitions":8,"id":"log"}"""), 1);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port}"))
            .ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http2));
        _server = builder.Build();
        _server.Run(AnswerAsync);
    }

    public int Port { get; }

    public static async Task<LyingSidecar> StartAsync(string liar, Lie lie)
    {
        var sidecar = new LyingSidecar(liar, lie);
        await sidecar._server.StartAsync();
        return sidecar;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>One unary call of gRPC: a byte, the length, the message, and the same back.</summary>
    private async Task AnswerAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        var reply = Answer(http.Request.Path.Value!.Split('/')[^1], body.ToArray().AsSpan(5).ToArray(), out var status);
        http.Response.ContentType = "application/grpc";
        if (reply is not null)
        {
            var message = new byte[5 + reply.CalculateSize()];
            BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), message.Length - 5);
            reply.WriteTo(message.AsSpan(5));
            await http.Response.Body.WriteAsync(message);
        }

        http.Response.AppendTrailer("grpc-status", status.ToString(CultureInfo.InvariantCulture));
    }

    private IMessage? Answer(string method, byte[] request, out int status)
    {
        const int aborted = 10;
        const int unimplemented = 12;
        lock (_gate)
        {
            status = 0;
            switch (method)
            {
                case "GetMetadata":
                    var metadata = new GetMetadataResponse();
                    metadata.RegisteredComponents.Add(new RegisteredComponents { Name = _liar, Type = "state.liar", Version = "v1" });
                    return metadata;
                case "GetState":
                    var get = GetStateRequest.Parser.ParseFrom(request);
                    return Found(get.StoreName, get.Key);
                case "GetBulkState":
                    var bulk = GetBulkStateRequest.Parser.ParseFrom(request);
                    var items = new GetBulkStateResponse();
                    items.Items.AddRange(bulk.Keys.Select(key => (Key: key, Row: Found(bulk.StoreName, key))).Select(found => new BulkStateItem { Key = found.Key, Data = found.Row.Data, Etag = found.Row.Etag }));
                    return items;
                case "SaveState":
                    var save = SaveStateRequest.Parser.ParseFrom(request);
                    status = save.States.All(item => TryWrite(save.StoreName, item)) ? 0 : aborted;
                    return status == 0 ? new Google.Protobuf.WellKnownTypes.Empty() : null;
                case "ExecuteStateTransaction":
                    var together = ExecuteStateTransactionRequest.Parser.ParseFrom(request);
                    status = together.Operations.All(operation => TryWrite(together.StoreName, operation.Request)) ? 0 : aborted;
                    return status == 0 ? new Google.Protobuf.WellKnownTypes.Empty() : null;
                case "DeleteState":
                    var delete = DeleteStateRequest.Parser.ParseFrom(request);
                    _rows.TryRemove((delete.StoreName, delete.Key), out _);
                    return new Google.Protobuf.WellKnownTypes.Empty();
                default:
                    status = unimplemented;
                    return null;
            }
        }
    }

    private GetStateResponse Found(string store, string key)
    {
        var found = new GetStateResponse();
        if (_rows.TryGetValue((store, key), out var row))
        {
            (found.Data, found.Etag) = (row.Value, row.ETag.ToString(CultureInfo.InvariantCulture));
            if (store == _liar && _lie is Lie.KeysExpire)
            {
                found.Metadata["ttlExpireTime"] = "2030-01-01T00:00:00Z";
            }
        }

        return found;
    }

    private bool TryWrite(string store, StateItem item)
    {
        var exists = _rows.TryGetValue((store, item.Key), out var row);
        var lie = store == _liar ? _lie : Lie.KeysExpire;
        var allowed = item.Etag is { Value.Length: > 0 } etag
            ? lie is Lie.StaleETagsAreAccepted || (exists && etag.Value == row.ETag.ToString(CultureInfo.InvariantCulture))
            : !exists || lie is Lie.CreatesAreAlwaysAccepted;
        if (allowed)
        {
            _rows[(store, item.Key)] = (item.Value, row.ETag + 1);
        }

        return allowed;
    }
}
