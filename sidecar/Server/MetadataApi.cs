using System.Text.Json;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Sidecar.Configuration;

namespace Sidecar.Server;

/// <summary>What the sidecar tells about itself, the labels that the app may add, and the app's wish that it stops.</summary>
internal static class MetadataApi
{
    /// <summary>The Dapr whose behaviour this sidecar has.</summary>
    private const string RuntimeVersion = "1.18.3+embedded";

    public static void Map(IEndpointRouteBuilder routes, AppSidecar sidecar)
    {
        routes.MapGet("/v1.0/metadata", http => http.AnswerJsonAsync(StatusCodes.Status200OK, ToJson(sidecar)));
        routes.MapPut("/v1.0/metadata/{key}", async http =>
        {
            sidecar.Labels[http.Param("key")] = System.Text.Encoding.UTF8.GetString(await http.BodyAsync());
            await http.AnswerNothingAsync();
        });
        routes.MapPost("/v1.0/shutdown", async http =>
        {
            await http.AnswerNothingAsync();
            await http.Response.CompleteAsync();
            _ = sidecar.StopAsync();
        });
    }

    public static void Map(GrpcMethods methods, AppSidecar sidecar)
    {
        methods.Unary<GetMetadataRequest, GetMetadataResponse>("GetMetadata", (_, _) => Task.FromResult(ToMessage(sidecar)));
        methods.Unary<SetMetadataRequest, Empty>("SetMetadata", (request, _) =>
        {
            sidecar.Labels[request.Key] = request.Value;
            return Task.FromResult(new Empty());
        });
        methods.Unary<ShutdownRequest, Empty>("Shutdown", (_, _) =>
        {
            _ = sidecar.StopAsync();
            return Task.FromResult(new Empty());
        });
    }

    private static GetMetadataResponse ToMessage(AppSidecar sidecar)
    {
        var message = new GetMetadataResponse
        {
            Id = sidecar.App.AppId,
            RuntimeVersion = RuntimeVersion,
            ActorRuntime = new ActorRuntime
            {
                RuntimeStatus = ActorRuntime.Types.ActorRuntimeStatus.Running,
                HostReady = true,
                Placement = "placement: connected",
            },
        };
        foreach (var component in sidecar.Resources.Components)
        {
            var registered = new RegisteredComponents { Name = component.Name, Type = component.Type, Version = component.Version };
            registered.Capabilities.AddRange(Capabilities(component));
            message.RegisteredComponents.Add(registered);
        }

        foreach (var (key, value) in sidecar.Labels)
        {
            message.ExtendedMetadata[key] = value;
        }

        message.ExtendedMetadata["daprRuntimeVersion"] = RuntimeVersion;
        foreach (var (type, count) in sidecar.ActiveActors)
        {
            message.ActorRuntime.ActiveActors.Add(new ActiveActorsCount { Type = type, Count = count });
        }

        foreach (var subscription in sidecar.ActiveSubscriptions)
        {
            var shown = new PubsubSubscription
            {
                PubsubName = subscription.PubSubName,
                Topic = subscription.Topic,
                DeadLetterTopic = subscription.DeadLetterTopic ?? "",
                Type = subscription.File is null ? PubsubSubscriptionType.Programmatic : PubsubSubscriptionType.Declarative,
                Rules = new PubsubSubscriptionRules(),
            };
            shown.Metadata.Add(subscription.Metadata.ToDictionary());
            shown.Rules.Rules.AddRange(subscription.Routes.Select(r => new PubsubSubscriptionRule { Match = r.Match, Path = r.Path }));
            message.Subscriptions.Add(shown);
        }

        if (sidecar.App.AppPort is { } port)
        {
            message.AppConnectionProperties = new AppConnectionProperties
            {
                Port = port,
                Protocol = sidecar.App.AppProtocol,
                ChannelAddress = sidecar.App.AppChannelAddress,
                MaxConcurrency = sidecar.App.AppMaxConcurrency,
            };
        }

        return message;
    }

    private static byte[] ToJson(AppSidecar sidecar)
    {
        var message = ToMessage(sidecar);
        var actors = message.ActorRuntime.ActiveActors.Select(a => new { type = a.Type, count = a.Count }).ToArray();
        var connection = message.AppConnectionProperties;
        return JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object?>
        {
            ["id"] = message.Id,
            ["runtimeVersion"] = message.RuntimeVersion,
            ["actors"] = OrNull(actors),
            ["components"] = OrNull(message.RegisteredComponents.Select(c => Present(new()
            {
                ["name"] = c.Name,
                ["type"] = c.Type,
                ["version"] = c.Version,
                ["capabilities"] = OrNull(c.Capabilities.ToArray()),
            })).ToArray()),
            ["extended"] = new SortedDictionary<string, string>(message.ExtendedMetadata, StringComparer.Ordinal),
            ["subscriptions"] = OrNull(message.Subscriptions.Select(s => Present(new()
            {
                ["pubsubname"] = s.PubsubName,
                ["topic"] = s.Topic,
                ["rules"] = s.Rules.Rules.Select(r => Present(new()
                {
                    ["match"] = r.Match.Length > 0 ? r.Match : null,
                    ["path"] = r.Path,
                })),
                ["metadata"] = s.Metadata.Count > 0 ? s.Metadata : null,
                ["deadLetterTopic"] = s.DeadLetterTopic,
                ["type"] = s.Type.ToString().ToUpperInvariant(),
            })).ToArray()),
            ["appConnectionProperties"] = connection is null ? null : Present(new()
            {
                ["port"] = connection.Port,
                ["protocol"] = connection.Protocol,
                ["channelAddress"] = connection.ChannelAddress,
                ["maxConcurrency"] = connection.MaxConcurrency > 0 ? connection.MaxConcurrency : null,
                ["health"] = sidecar.App.HealthCheck is { } health
                    ? new
                    {
                        healthCheckPath = health.Path,
                        healthProbeInterval = GoDuration.Format(health.Interval),
                        healthProbeTimeout = GoDuration.Format(health.Timeout),
                        healthThreshold = health.Threshold,
                    }
                    : null,
            }),
            ["actorRuntime"] = Present(new()
            {
                ["runtimeStatus"] = "RUNNING",
                ["activeActors"] = OrNull(actors),
                ["hostReady"] = true,
                ["placement"] = message.ActorRuntime.Placement,
            }),
        }.Where(e => e.Value is not null).ToDictionary(), _json).Append((byte)'\n').ToArray();
    }

    private static readonly JsonSerializerOptions _json = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static Dictionary<string, object?> Present(Dictionary<string, object?> members) =>
        members.Where(m => m.Value is not null).ToDictionary();

    private static T[]? OrNull<T>(T[] items) => items.Length > 0 ? items : null;

    private static string[] Capabilities(Component component) => component.Type switch
    {
        "state.sqlite" => ["ETAG", "TRANSACTIONAL", "TTL", "KEYS_LIKE", "ACTOR"],
        "state.in-memory" => ["ETAG", "TRANSACTIONAL", "TTL", "DELETE_WITH_PREFIX", "KEYS_LIKE", "ACTOR"],
        "pubsub.in-memory" => ["SUBSCRIBE_WILDCARDS"],
        _ => [],
    };
}
