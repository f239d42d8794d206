using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Conformance.Tests;

/// <summary>The app and the components behind the sidecar of which the HTTP API was recorded.</summary>
internal static class RecordedApp
{
    private const string Subscriptions = """
        [{"pubsubname":"pubsub","topic":"q-ok","route":"/ok"},
         {"pubsubname":"pubsub","topic":"q-bulk","route":"/bulk","bulkSubscribe":{"enabled":true,"maxMessagesCount":20,"maxAwaitDurationMs":200}},
         {"pubsubname":"pubsub","topic":"q-retry","route":"/retry"},
         {"pubsubname":"pubsub","topic":"q-500","route":"/f500"},
         {"pubsubname":"pubsub","topic":"q-dl","route":"/dl","deadLetterTopic":"q-dead"},
         {"pubsubname":"pubsub","topic":"q-dead","route":"/dead"},
         {"pubsubname":"pubsub","topic":"q-slow","route":"/slow"}]
        """;

    /// <summary>Secrets, broker and both stores, under the names that they had.</summary>
    public static string[] Components { get; } =
    [
        Component("secrets", "secretstores.local.env"),
        Component("pubsub", "pubsub.in-memory"),
        Component("sqlite", "state.sqlite", ("connectionString", "states.db"), ("actorStateStore", "true")),
        Component("memory", "state.in-memory"),
    ];

    /// <summary>The embedded sidecar's SQLite with the answers of another store, under that store's name in the golden files.</summary>
    public static string BehavingAs(string store) => Component(
        store,
        "state.sqlite",
        ("connectionString", store + ".db"),
        ("behaveAs", store == "postgres" ? "postgresql" : store));

    /// <summary>It answers an empty JSON object to everything.</summary>
    public static Task<RecordingApp> StartAsync(int? port = null) => RecordingApp.StartAsync(
        Subscriptions,
        "{}",
        (_, http) =>
        {
            http.Response.ContentType = "application/json";
            return http.Response.WriteAsync("{}");
        },
        port);

    /// <summary>A component document.</summary>
    public static string Component(string name, string type, params (string Name, string Value)[] metadata) => $"""
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: {name}
        spec:
          type: {type}
          version: v1
          metadata: [{string.Join(", ", metadata.Select(m => $"{{name: {m.Name}, value: \"{m.Value}\"}}"))}]
        """;
}
