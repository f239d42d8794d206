using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;

namespace EventLog.Tests.Storage;

/// <summary>What the store makes of answers that a sidecar may give and the embedded one seldom does.</summary>
public sealed class DaprStateStoreTests
{
    [Fact]
    public async Task An_item_of_a_bulk_read_that_failed_is_an_error_and_no_missing_key()
    {
        var store = Store(new GetBulkStateResponse
        {
            Items =
            {
                new BulkStateItem { Key = "there", Data = ByteString.CopyFromUtf8("1"), Etag = "1" },
                new BulkStateItem { Key = "failed", Error = "a lock was held for too long" },
            },
        });

        var error = await Assert.ThrowsAsync<IOException>(() => store.ReadManyAsync(["there", "failed"], TestContext.Current.CancellationToken));

        Assert.Equal("'failed' in component 'event-log' could not be read: a lock was held for too long", error.Message);
    }

    [Fact]
    public async Task An_item_of_a_bulk_read_without_a_value_is_a_missing_key()
    {
        var store = Store(new GetBulkStateResponse
        {
            Items = { new BulkStateItem { Key = "missing" }, new BulkStateItem { Key = "there", Data = ByteString.CopyFromUtf8("1"), Etag = "7" } },
        });

        var found = await store.ReadManyAsync(["missing", "there"], TestContext.Current.CancellationToken);

        Assert.Equal(("there", "7"), found.Select(item => (item.Key, item.Value.ETag)).Single());
    }

    private static DaprStateStore Store(GetBulkStateResponse answer) =>
        new(new Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient(new Answering(answer)), "event-log", TimeSpan.FromSeconds(5));

    /// <summary>A channel at whose other end every call is answered alike.</summary>
    private sealed class Answering(object answer) : CallInvoker
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            new(Task.FromResult((TResponse)answer), Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
    }
}
