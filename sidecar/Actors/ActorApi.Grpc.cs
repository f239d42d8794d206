using System.Text.Json;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Primitives;
using Sidecar.Server;

namespace Sidecar.Actors;

/// <summary>The same over gRPC.</summary>
internal static partial class ActorApi
{
    private static readonly Empty Nothing = new();

    public static void Map(GrpcMethods methods, AppSidecar sidecar)
    {
        methods.Unary<InvokeActorRequest, InvokeActorResponse>("InvokeActor", (request, call) => InvokeAsync(request, call, sidecar));
        MapState(methods, sidecar);
        methods.Unary<RegisterActorTimerRequest, Empty>("RegisterActorTimer", (request, _) =>
        {
            RefuseReserved(request.ActorType);
            SetTimer(sidecar, request.ActorType, request.ActorId, Named(request.Name), new ScheduleRequest(
                request.DueTime, request.Period, request.Ttl, request.Callback, Json(request.Data), true));
            return Task.FromResult(Nothing);
        });
        methods.Unary<UnregisterActorTimerRequest, Empty>("UnregisterActorTimer", (request, _) =>
        {
            RefuseReserved(request.ActorType);
            sidecar.Actors.Timers.Remove(request.ActorType, request.ActorId, request.Name);
            return Task.FromResult(Nothing);
        });
        methods.Unary<RegisterActorReminderRequest, Empty>("RegisterActorReminder", (request, _) =>
        {
            RefuseReserved(request.ActorType);
            if (request.Name.Length == 0)
            {
                throw ActorErrors.BadRequest("reminder name cannot be empty").Fault();
            }

            SetReminder(sidecar, request.ActorType, request.ActorId, Named(request.Name), new ScheduleRequest(
                request.DueTime, request.Period, request.Ttl, "", Json(request.Data), !request.HasOverwrite || request.Overwrite));
            return Task.FromResult(Nothing);
        });
        methods.Unary<UnregisterActorReminderRequest, Empty>("UnregisterActorReminder", (request, _) =>
        {
            RefuseReserved(request.ActorType);
            RequireHosted(sidecar, request.ActorType);
            sidecar.Actors.Reminders.Remove(request.ActorType, request.ActorId, request.Name);
            return Task.FromResult(Nothing);
        });
        methods.Unary<GetActorReminderRequest, GetActorReminderResponse>("GetActorReminder", (request, _) =>
        {
            RefuseReserved(request.ActorType);
            RequireHosted(sidecar, request.ActorType);
            return Task.FromResult(Message(
                sidecar.Actors.Reminders.Get(request.ActorType, request.ActorId, request.Name)
                ?? throw ActorErrors.ReminderNotFound(request.Name).Fault()));
        });
        methods.Unary<UnregisterActorRemindersByTypeRequest, UnregisterActorRemindersByTypeResponse>("UnregisterActorRemindersByType", (request, _) =>
        {
            RefuseReserved(request.ActorType);
            RequireHosted(sidecar, request.ActorType);
            sidecar.Actors.Reminders.RemoveAll(request.ActorType, request.HasActorId ? request.ActorId : null);
            return Task.FromResult(new UnregisterActorRemindersByTypeResponse());
        });
    }

    private static async Task<InvokeActorResponse> InvokeAsync(InvokeActorRequest request, ServerCallContext context, AppSidecar sidecar)
    {
        foreach (var (what, name) in (ReadOnlySpan<(string, string)>)[("actorType", request.ActorType), ("actorId", request.ActorId)])
        {
            if (ActorNames.Refusal(name) is { } refusal)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"invalid {what}: {refusal}"));
            }
        }

        var path = ActorNames.CleanMethod(request.Method) ?? throw new RpcException(new Status(
            StatusCode.InvalidArgument, $"invalid actor method: method contains forbidden character: \"{request.Method}\""));
        var headers = request.Metadata.Select(m => new KeyValuePair<string, StringValues>(m.Key, m.Value)).ToList();
        if (context.RequestHeaders.GetValue("traceparent") is not null)
        {
            headers.Add(new("traceparent", TraceContext.Of(context.GetHttpContext()).Parent));
        }

        var call = new ActorCall(
            request.ActorType, request.ActorId, path, request.Data.Memory, "application/json", sidecar.App.AppId, headers)
        {
            ReentrancyId = request.Metadata.TryGetValue("Dapr-Reentrancy-Id", out var reentrancyId) ? reentrancyId : null,
        };
        var reply = Reply(await sidecar.Actors.CallAsync(call, context.CancellationToken));
        return new InvokeActorResponse { Data = UnsafeByteOperations.UnsafeWrap(reply.Body) };
    }

    private static GetActorReminderResponse Message(Reminder reminder)
    {
        var message = new GetActorReminderResponse { ActorType = reminder.Type, ActorId = reminder.Id };
        foreach (var (member, value) in Shown(reminder))
        {
            switch (member)
            {
                case "dueTime":
                    message.DueTime = value;
                    break;
                case "period":
                    message.Period = value;
                    break;
                default:
                    message.Ttl = value;
                    break;
            }
        }

        if (reminder.Request.Data is { } data)
        {
            message.Data = Any.Pack(new BytesValue { Value = ByteString.CopyFromUtf8(data) });
        }

        return message;
    }

    // Over gRPC data is bytes, which the app gets as base64 text.
    private static string? Json(ByteString data) => data.IsEmpty ? null : JsonSerializer.Serialize(data.ToBase64());
}
