using System.Buffers;
using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace Sidecar.Server;

/// <summary>
/// The methods of <c>dapr.proto.runtime.v1.Dapr</c> that this sidecar serves. The package with Dapr's messages has no
/// server class to derive from, so each area adds its methods here by name.
/// </summary>
/// <param name="maxMessageSize">Largest message in either direction, in bytes.</param>
/// <param name="access">What the app may use.</param>
internal sealed class GrpcMethods(int maxMessageSize, ApiAccess access) : IServiceMethodProvider<GrpcMethods.Service>
{
    private const string ServiceName = "dapr.proto.runtime.v1.Dapr";
    private readonly List<Action<ServiceMethodProviderContext<Service>>> _bindings = [];

    /// <summary>The type that Grpc.AspNetCore wants to have for a service.</summary>
    internal sealed class Service;

    /// <summary>
    /// Adds a method. A <see cref="DaprFault"/> becomes the status of its error; any other exception becomes Unknown,
    /// as with a Go server.
    /// </summary>
    public void Unary<TRequest, TResponse>(string name, Func<TRequest, ServerCallContext, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>, IBufferMessage, new()
        where TResponse : class, IMessage<TResponse>, IBufferMessage, new()
    {
        var method = new Method<TRequest, TResponse>(
            MethodType.Unary, ServiceName, name, Marshaller<TRequest>(), Marshaller<TResponse>());
        var allowed = access.AllowsGrpc(name);
        _bindings.Add(context => context.AddUnaryMethod(method, [], async (_, request, call) =>
        {
            try
            {
                if (!allowed)
                {
                    throw ApiAccess.GrpcRefusal.Fault();
                }

                return await handler(request, call);
            }
            catch (DaprFault fault)
            {
                throw fault.Error.ToRpcException();
            }
        }));
    }

    void IServiceMethodProvider<Service>.OnServiceMethodDiscovery(ServiceMethodProviderContext<Service> context) =>
        _bindings.ForEach(bind => bind(context));

    private Marshaller<T> Marshaller<T>() where T : class, IMessage<T>, IBufferMessage, new()
    {
        var parser = new MessageParser<T>(() => new T());
        return Marshallers.Create(
            (message, context) =>
            {
                var size = message.CalculateSize();
                if (size > maxMessageSize)
                {
                    throw TooLarge("trying to send message", size);
                }

                context.SetPayloadLength(size);
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => context.PayloadLength > maxMessageSize
                ? throw TooLarge("received message", context.PayloadLength)
                : parser.ParseFrom(context.PayloadAsReadOnlySequence()));
    }

    private RpcException TooLarge(string what, int size) =>
        new(new Status(StatusCode.ResourceExhausted, $"grpc: {what} larger than max ({size} vs. {maxMessageSize})"));
}
