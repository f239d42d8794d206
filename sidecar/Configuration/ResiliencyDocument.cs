using System.Text.RegularExpressions;

namespace Sidecar.Configuration;

/// <summary>Reads a <c>kind: Resiliency</c> document. Circuit breakers are read over, with a warning.</summary>
internal static partial class ResiliencyDocument
{
    /// <summary>Policies that every sidecar has, so that targets may name them without defining them.</summary>
    private const string BuiltInPrefix = "DaprBuiltIn";

    /// <summary>What Dapr repeats by itself and the embedded sidecar has no occasion for, or repeats for all apps alike.</summary>
    private static readonly string[] BuiltInWithoutEffect = ["DaprBuiltInServiceRetries", "DaprBuiltInActorReminderRetries"];

    /// <summary>Null when it has no <c>spec</c>; policies with errors are left out.</summary>
    public static ResiliencyFile? Read(Section document)
    {
        var name = document.Child("metadata")?.Text("name") ?? "";
        document.Name = $"resiliency {name}";
        if (document.Child("spec") is not { } spec)
        {
            document.Error("spec", "'spec' is missing", "Add spec.policies and spec.targets.");
            return null;
        }

        var policies = spec.Child("policies");
        var targets = spec.Child("targets");
        if (policies?.Has("circuitBreakers") == true)
        {
            policies.Warn("circuitBreakers", "the embedded sidecar has no circuit breakers; they are ignored");
        }

        var components = targets?.Named("components").ToList() ?? [];
        var file = new ResiliencyFile
        {
            Name = name,
            File = document.File,
            Scopes = document.Texts("scopes"),
            Timeouts = Timeouts(policies),
            Retries = (policies?.Named("retries") ?? []).ToDictionary(p => p.Name, p => Retry(p.Section, $"{document.Name}, retry policy {p.Name}")),
            Apps = (targets?.Named("apps") ?? []).ToDictionary(t => t.Name, t => Names(t.Section)),
            Actors = (targets?.Named("actors") ?? []).ToDictionary(t => t.Name, t => Names(t.Section)),
            Inbound = Side(components, "inbound"),
            Outbound = Side(components, "outbound"),
        };
        WarnOfUndefined(document, file);
        return file;
    }

    private static Dictionary<string, TimeSpan> Timeouts(Section? policies)
    {
        var timeouts = new Dictionary<string, TimeSpan>();
        if (policies?.Child("timeouts") is not { } section)
        {
            return timeouts;
        }

        foreach (var key in section.Keys)
        {
            if (Duration(section, key) is { } duration)
            {
                timeouts[key] = duration;
            }
        }

        return timeouts;
    }

    private static RetryPolicy Retry(Section policy, string name)
    {
        policy.Name = name;
        if (Array.Find(BuiltInWithoutEffect, b => name.EndsWith(' ' + b, StringComparison.Ordinal)) is { } builtIn)
        {
            policy.Warn("policy", $"the embedded sidecar has no use for {builtIn}; it is ignored");
        }

        var kind = policy.Text("policy") is { Length: > 0 } text ? text : "constant";
        if (kind is not ("constant" or "exponential"))
        {
            policy.Error("policy", $"there is no retry policy '{kind}'", "Write 'constant' or 'exponential'.");
        }

        var duration = Duration(policy, "duration");
        var matching = policy.Child("matching");
        if (matching?.Has("gRPCStatusCodes") == true)
        {
            policy.Warn("matching", "the embedded sidecar repeats nothing by its gRPC status: gRPCStatusCodes is ignored");
        }

        return new RetryPolicy
        {
            Exponential = kind == "exponential",
            Duration = kind == "exponential" ? TimeSpan.FromMilliseconds(500) : duration ?? TimeSpan.FromSeconds(5),
            MaxInterval = Duration(policy, "maxInterval") ?? TimeSpan.FromSeconds(60),
            MaxRetries = policy.Number("maxRetries", least: -1) ?? -1,
            HttpStatusCodes = Codes(matching, "httpStatusCodes"),
        };
    }

    private static TimeSpan? Duration(Section section, string key)
    {
        if (section.Text(key) is not { Length: > 0 } text)
        {
            return null;
        }

        if (Units.Duration(text) is { } duration && duration >= TimeSpan.Zero)
        {
            return duration;
        }

        section.Error(key, $"'{key}' is '{text}', which is no duration", "Write for instance 500ms, 5s or 1m30s.");
        return null;
    }

    private static string? Codes(Section? matching, string key)
    {
        if (matching?.Text(key) is not { Length: > 0 } codes)
        {
            return null;
        }

        if (CodesForm().IsMatch(codes))
        {
            return codes;
        }

        matching.Error(key, $"'{codes}' is no list of status codes", "Write codes and ranges with commas, for instance 429,500-599.");
        return null;
    }

    private static PolicyNames Names(Section target) => new(NullIfEmpty(target.Text("timeout")), NullIfEmpty(target.Text("retry")));

    private static Dictionary<string, PolicyNames> Side(List<(string Name, Section Section)> components, string side) =>
        components
            .Select(c => (c.Name, Target: c.Section.Child(side)))
            .Where(c => c.Target is not null)
            .ToDictionary(c => c.Name, c => Names(c.Target!));

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <summary>Only a warning: Dapr takes no notice of such a name, and another file may define it.</summary>
    private static void WarnOfUndefined(Section document, ResiliencyFile file)
    {
        var targets = file.Apps.Values.Concat(file.Actors.Values).Concat(file.Inbound.Values).Concat(file.Outbound.Values).ToList();
        var retries = targets.Select(t => t.Retry).OfType<string>().Where(n => !file.Retries.ContainsKey(n) && !n.StartsWith(BuiltInPrefix, StringComparison.Ordinal));
        var timeouts = targets.Select(t => t.Timeout).OfType<string>().Where(n => !file.Timeouts.ContainsKey(n));
        foreach (var name in retries.Concat(timeouts).Distinct())
        {
            document.Warn("spec", $"the targets name the policy '{name}', which this file does not define");
        }
    }

    [GeneratedRegex(@"^\s*\d+(\s*-\s*\d+)?(\s*,\s*\d+(\s*-\s*\d+)?)*\s*$")]
    private static partial Regex CodesForm();
}
