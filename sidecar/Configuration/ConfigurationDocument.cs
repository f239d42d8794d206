using System.Text.RegularExpressions;

namespace Sidecar.Configuration;

/// <summary>Reads a <c>kind: Configuration</c> file. What this sidecar does not have and what would change answers is warned of.</summary>
internal static partial class ConfigurationDocument
{
    private static readonly string[] WithoutEffect = ["tracing", "metric", "metrics", "nameResolution", "features", "logging", "wasm", "workflow"];
    private static readonly string[] Missing = ["httpPipeline", "appHttpPipeline", "secrets", "components"];

    /// <summary>An open configuration when the file has errors; they are among the findings.</summary>
    public static AppConfiguration Read(string file, Findings findings)
    {
        if (YamlText.Read(file, findings, FromEnvironment) is not [var document, ..])
        {
            return new AppConfiguration();
        }

        document.Name = $"configuration {document.Child("metadata")?.Text("name") ?? Path.GetFileName(file)}";
        if (document.Text("kind") != "Configuration")
        {
            document.Warn("kind", "the file is not of the kind Configuration; it is read all the same, as Dapr does");
        }

        if (document.Child("spec") is not { } spec)
        {
            return new AppConfiguration();
        }

        spec.Name = document.Name;
        spec.Accept(WithoutEffect);
        spec.Accept(Missing);
        foreach (var key in Missing.Where(spec.Has))
        {
            spec.Warn(key, $"the embedded sidecar has no '{key}'; it is ignored");
        }

        var api = spec.Child("api");
        var configuration = new AppConfiguration
        {
            Allowed = Rules(api, "allowed"),
            Denied = Rules(api, "denied"),
            Access = Access(spec.Child("accessControl")),
            MutualTls = spec.Child("mtls")?.Flag("enabled") ?? false,
        };
        spec.WarnOfUnread();
        return configuration;
    }

    private static List<ApiRule> Rules(Section? api, string key)
    {
        var rules = new List<ApiRule>();
        foreach (var rule in api?.Children(key) ?? [])
        {
            var name = rule.RequiredText("name", "Name the API, for instance state.");
            var version = rule.RequiredText("version", "Write 'version: v1'.");
            var protocol = rule.RequiredText("protocol", "Write 'protocol: http' or 'protocol: grpc'; with neither, the rule has no effect.");
            if (name is not null && version is not null && protocol is not null)
            {
                rules.Add(new ApiRule(name, version, protocol));
            }

            rule.WarnOfUnread();
        }

        return rules;
    }

    private static AccessControl? Access(Section? section)
    {
        if (section is null)
        {
            return null;
        }

        var policies = section.Children("policies").Select(Policy).OfType<AccessPolicy>().ToList();
        var access = new AccessControl
        {
            // As in Dapr: with policies and no word on the rest, the rest is denied.
            AllowByDefault = Action(section, "defaultAction") ?? policies.Count == 0,
            TrustDomain = section.Text("trustDomain") is { Length: > 0 } domain ? domain : AccessControl.DefaultTrustDomain,
            Policies = policies,
        };
        section.WarnOfUnread();
        return access;
    }

    private static AccessPolicy? Policy(Section policy)
    {
        var app = policy.RequiredText("appId", "Name the app that calls.");
        var domain = policy.RequiredText("trustDomain", "Write 'trustDomain: public'; Dapr does not start without it.");
        var space = policy.RequiredText("namespace", "Write 'namespace: default'; Dapr does not start without it.");
        var operations = policy.Children("operations").Select(Operation).OfType<AccessOperation>().ToList();
        var byDefault = Action(policy, "defaultAction");
        policy.WarnOfUnread();
        return app is null || domain is null || space is null ? null : new AccessPolicy(app, domain, space, byDefault, operations);
    }

    private static AccessOperation? Operation(Section operation)
    {
        var path = operation.RequiredText("name", "Write the path, for instance /v1/things/*.");
        var verbs = operation.Texts("httpVerb");
        var allow = Action(operation, "action");
        operation.WarnOfUnread();
        return path is null ? null : new AccessOperation(path, verbs, allow ?? false);
    }

    /// <summary>Everything but "allow" denies, as in Dapr.</summary>
    private static bool? Action(Section section, string key)
    {
        if (section.Text(key) is not { Length: > 0 } action)
        {
            return null;
        }

        if (!action.Equals("allow", StringComparison.OrdinalIgnoreCase) && !action.Equals("deny", StringComparison.OrdinalIgnoreCase))
        {
            section.Error(key, $"'{key}' is '{action}'", "Write 'allow' or 'deny'.");
        }

        return action.Equals("allow", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Dapr replaces variables in the whole text of this file, and of no other.</summary>
    private static string FromEnvironment(string text) =>
        Variable().Replace(text, found => Environment.GetEnvironmentVariable(found.Groups[1].Value + found.Groups[2].Value) ?? "");

    [GeneratedRegex(@"\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*))")]
    private static partial Regex Variable();
}
