using System.Text.Json;
using Grpc.Core;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>A broker behind the sidecar's bulk publish; it fails before or after it has taken a call, as a test says.</summary>
internal sealed class SimulatedBroker : CallInvoker
{
    private readonly Lock _gate = new();
    private readonly List<IReadOnlyList<Published>> _calls = [];

    /// <summary>What it does with the call of this number, from 1.</summary>
    public Func<int, Failure> Fails { get; set; } = _ => Failure.None;

    /// <summary>The calls whose messages it took.</summary>
    public IReadOnlyList<IReadOnlyList<Published>> Calls
    {
        get
        {
            lock (_gate)
            {
                return [.. _calls];
            }
        }
    }

    public IEnumerable<Published> Messages => Calls.SelectMany(call => call);

    /// <summary>How often it was asked.</summary>
    public int Asked { get; private set; }

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        Assert.Equal("BulkPublishEvent", method.Name);
        var bulk = Assert.IsType<Autogen.BulkPublishRequest>(request);
        return new AsyncUnaryCall<TResponse>(
            Task.Run(() => (TResponse)(object)Take(bulk)), Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
    }

    private Autogen.BulkPublishResponse Take(Autogen.BulkPublishRequest request)
    {
        lock (_gate)
        {
            var failure = Fails(++Asked);
            if (failure is not Failure.Before)
            {
                _calls.Add([.. request.Entries.Select(entry => new Published(
                    $"{request.PubsubName}/{request.Topic}", entry.Metadata["partitionKey"], entry.ContentType, JsonDocument.Parse(entry.Event.Memory).RootElement))]);
            }

            return failure is Failure.None ? new Autogen.BulkPublishResponse() : throw new RpcException(new Status(StatusCode.Internal, "the broker is away"));
        }
    }

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        throw new NotSupportedException();

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
}

/// <summary>One message as the broker got it.</summary>
internal sealed record Published(string Topic, string PartitionKey, string ContentType, JsonElement Event)
{
    public string Id => Event.GetProperty("id").GetString()!;

    public long Version => Event.GetProperty("accountversion").GetInt64();
}

internal enum Failure
{
    None,
    Before,
    After,
}
