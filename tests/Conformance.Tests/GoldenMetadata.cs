using System.Text.Json;
using System.Text.Json.Nodes;

namespace Conformance.Tests;

/// <summary>
/// Compares what sidecars tell about themselves. Versions, feature flags and the scheduler's address belong to the build that
/// was recorded; the recorded run had more components than these tests load.
/// </summary>
internal static class GoldenMetadata
{
    public static bool Same(string golden, string body)
    {
        var (wanted, found) = (Parse(golden), Parse(body));
        var loaded = Names(found);
        foreach (var component in ((JsonArray)wanted["components"]!).ToArray())
        {
            if (!loaded.Contains((string)component!["name"]!))
            {
                ((JsonArray)wanted["components"]!).Remove(component);
            }
        }

        return loaded.Count > 0 && loaded.SetEquals(Names(wanted)) && JsonNode.DeepEquals(Ordered(wanted), Ordered(found));
    }

    private static HashSet<string> Names(JsonNode metadata) => [.. ((JsonArray)metadata["components"]!).Select(c => (string)c!["name"]!)];

    private static JsonObject Parse(string text)
    {
        var metadata = (JsonObject)JsonNode.Parse(text)!;
        foreach (var name in new[] { "runtimeVersion", "enabledFeatures", "scheduler", "workflows" })
        {
            metadata.Remove(name);
        }

        metadata["extended"]!["daprRuntimeVersion"] = "";
        metadata["appConnectionProperties"]!["port"] = 0;
        return metadata;
    }

    private static JsonObject Ordered(JsonObject metadata)
    {
        foreach (var list in new[] { "components", "subscriptions" })
        {
            var items = ((JsonArray)metadata[list]!).Select(i => i!.DeepClone()).OrderBy(i => i.ToJsonString(JsonSerializerOptions.Default), StringComparer.Ordinal);
            metadata[list] = new JsonArray([.. items]);
        }

        return metadata;
    }
}
