using Accounts.Contracts;
using Deployment.Tests.Model;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Checks;

/// <summary>Who decides how many replicas there are.</summary>
internal static class ScalingChecks
{
    public static IEnumerable<Check> List =>
    [
        new(28, "One and only one decides how many replicas a service has, by load where a service can be scaled by it", OneDecides),
        new(29, "KEDA leaves nothing to defaults, asks what Dapr makes, and takes no more replicas than there are partitions", Keda),
        new(29, "Whatever a service hears wakes it, where it may be scaled to nothing", Woken),
        new(29, "A topic that the code hears belongs to a function, so that it is known whom to wake", Heard),
        new(29, "A function that is deployed alone is hosted there and nowhere else", Functions),
    ];

    private static void OneDecides(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            var scalers = overlay.Documents.Where(document => document.Kind is "HorizontalPodAutoscaler" or "ScaledObject").ToList();
            foreach (var scaler in scalers)
            {
                report.Unless(overlay.Services.Any(service => service.Name == scaler.Spec.Text("scaleTargetRef", "name")), scaler, scaler.Spec.Get("scaleTargetRef"), "it scales nothing that is there");
            }

            foreach (var service in overlay.Services)
            {
                var of = scalers.Where(scaler => scaler.Spec.Text("scaleTargetRef", "name") == service.Name).ToList();
                var fixedNumber = service.Spec.Get("replicas");
                report.Unless(of.Count + (fixedNumber is null ? 0 : 1) == 1, service, fixedNumber ?? service.Spec, $"{of.Count} scalers and {(fixedNumber is null ? "no" : "a")} number of replicas decide");
                var least = of.Select(scaler => scaler.Spec.Number("minReplicas") ?? scaler.Spec.Number("minReplicaCount")).FirstOrDefault() ?? fixedNumber.Number();
                report.Unless(service.Label("component") == "function" || least >= 2, of.FirstOrDefault() ?? service, (of.FirstOrDefault() ?? service).Spec, "it has fewer than two replicas");

                // A number that is written down passes for a scaler only where nothing could scale: a processor without KEDA.
                var kind = service.Label("component") is "command" or "query" ? "HorizontalPodAutoscaler" : service.Label("component") == "function" || overlay.Of("ScaledObject").Any() ? "ScaledObject" : null;
                report.Unless(kind is null || of.Exists(scaler => scaler.Kind == kind), service, fixedNumber ?? service.Spec, $"no {kind} scales it");
            }
        }
    }

    private static void Keda(Scene scene, Report report)
    {
        var partitions = Code.Partitions(scene);
        foreach (var (overlay, scaled) in scene.Overlays.SelectMany(overlay => overlay.Of("ScaledObject").Select(scaled => (overlay, scaled))))
        {
            var target = overlay.Services.FirstOrDefault(service => service.Name == scaled.Spec.Text("scaleTargetRef", "name"));
            var (least, most) = (scaled.Spec.Number("minReplicaCount"), scaled.Spec.Number("maxReplicaCount"));
            report.Unless(least is not null && most is not null && scaled.Spec.Get("cooldownPeriod") is not null, scaled, scaled.Spec, "it leaves its bounds or its patience to defaults");
            report.Unless(most <= partitions, scaled, scaled.Spec.Get("maxReplicaCount"), $"the log has {partitions} partitions: more replicas have nothing to do");
            report.Unless(target?.Label("component") is "processor" or "function", scaled, scaled.Spec.Get("scaleTargetRef"), "it is not for a processor: nothing wakes a service for its callers");
            report.Unless(least > 0 || scaled.Spec.Items("triggers").Any(trigger => trigger.Text("type") == "cron"), scaled, scaled.Spec.Get("triggers"), "a wake-up that was lost wakes nobody: there is no cron trigger");
            var byLoad = scaled.Spec.Items("triggers").Any(trigger => trigger.Text("type") is "cpu" or "memory");
            report.Unless(scaled.Spec.Get("fallback") is null || !byLoad, scaled, scaled.Spec.Get("fallback"), "before KEDA 2.17 its fallback overrules the processor time");
            foreach (var trigger in scaled.Spec.Items("triggers"))
            {
                report.Unless(trigger.Text("metricType") == (trigger.Text("type") is "cpu" or "memory" ? "Utilization" : "AverageValue"), scaled, trigger.Get("metricType") ?? trigger, "its metricType is not written, or another than KEDA's validation takes beside a fallback");
                Trigger(scene, overlay, scaled, trigger, target, report);
            }
        }
    }

    /// <summary>What a service hears: the log, and what a function hears beside it.</summary>
    private static List<Subscription> HeardBy(Scene scene, Overlay overlay, Document service)
    {
        var settings = overlay.Of("ConfigMap").FirstOrDefault(map => map.Name == service.Name)?.Root;
        var (hosted, elsewhere) = (Split(settings.Text("data", "Functions")), Split(settings.Text("data", "FunctionsElsewhere")));
        return [.. Code.Subscriptions(scene).Where(one => !Code.IsDeadLetterTopic(scene, one.Topic)
            && (!Code.Listeners.TryGetValue(one.Topic, out var function) || ((hosted.Length == 0 || hosted.Contains(function)) && !elsewhere.Contains(function))))];
    }

    private static string[] Split(string? names) => (names ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static bool Asks(YamlNode trigger, string app, string topic) => trigger.Text("type") switch
    {
        "rabbitmq" => trigger.Text("metadata", "queueName") == $"{app}-{topic}",
        "redis-streams" => (trigger.Text("metadata", "stream"), trigger.Text("metadata", "consumerGroup")) == (topic, app) && trigger.Get("metadata", "lagCount") is not null && trigger.Get("metadata", "activationLagCount") is not null,
        "kafka" => (trigger.Text("metadata", "topic"), trigger.Text("metadata", "consumerGroup")) == (topic, app),
        _ => false,
    };

    private static void Trigger(Scene scene, Overlay overlay, Document scaled, YamlNode trigger, Document? target, Report report)
    {
        if (trigger.Text("type") is "cpu" or "cron")
        {
            return;
        }

        var app = target is null ? "" : Overlay.AppId(target);
        var topics = target is null ? [] : HeardBy(scene, overlay, target);
        var asked = topics.FirstOrDefault(one => Asks(trigger, app, one.Topic));
        var broker = overlay.Dapr("Component").FirstOrDefault(component => component.Name == (asked?.Component ?? Components.Wakeups))?.Spec.Text("type");
        report.Unless(broker == "pubsub." + trigger.Text("type")!.Split('-')[0], scaled, trigger.Get("type"), $"wake-ups come by {broker}");
        report.Unless(asked is not null || broker != "pubsub." + trigger.Text("type")!.Split('-')[0], scaled, trigger.Get("metadata"), $"Dapr's names are {string.Join(", ", topics.Select(one => $"'{app}-{one.Topic}'"))}, of app id and topic");
        var authentication = overlay.Of("TriggerAuthentication").FirstOrDefault(found => found.Name == trigger.Text("authenticationRef", "name"));
        report.Unless(authentication is not null, scaled, trigger, "it names no TriggerAuthentication that is there");
        var secrets = ComponentChecks.SecretsOf(overlay);
        foreach (var reference in authentication?.Spec.Items("secretTargetRef") ?? [])
        {
            report.Unless(secrets.Contains($"{reference.Text("name")}/{reference.Text("key")}"), authentication!, reference, "there is no such Secret");
        }
    }

    private static void Woken(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            foreach (var scaled in overlay.Of("ScaledObject").Where(scaled => scaled.Spec.Number("minReplicaCount") is null or 0))
            {
                foreach (var service in overlay.Services.Where(service => service.Name == scaled.Spec.Text("scaleTargetRef", "name")))
                {
                    foreach (var topic in HeardBy(scene, overlay, service).Select(one => one.Topic).Where(topic => !scaled.Spec.Items("triggers").Any(trigger => Asks(trigger, Overlay.AppId(service), topic))))
                    {
                        report.Add(scaled, scaled.Spec.Get("triggers"), $"what comes on '{topic}' does not wake it");
                    }
                }
            }
        }
    }

    private static void Heard(Scene scene, Report report)
    {
        foreach (var one in Code.Subscriptions(scene).Where(one => one.Topic != Topics.AccountLog && !Code.IsDeadLetterTopic(scene, one.Topic)))
        {
            if (!Code.Listeners.TryGetValue(one.Topic, out var function) || !Code.Says(scene, function))
            {
                report.Add(one.File, one.Line, $"no function is known that hears '{one.Topic}'");
            }
        }
    }

    private static void Functions(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            var maps = overlay.Of("ConfigMap").ToDictionary(map => map.Name, map => map.Root);
            var alone = overlay.Services.Where(service => service.Label("component") == "function").ToList();
            var hosted = alone.Select(service => maps.GetValueOrDefault(service.Name).Text("data", "Functions") ?? "").ToList();
            foreach (var service in alone)
            {
                var function = maps.GetValueOrDefault(service.Name).Text("data", "Functions");
                report.Unless(service.Name == $"accounts-{function}" && Overlay.AppId(service) == service.Name, service, null, $"it hosts '{function}'");
                report.Unless(Overlay.Containers(service).Single().Text("image") == overlay.Services.Where(other => other.Name == AppIds.Processor).Select(other => Overlay.Containers(other).Single().Text("image")).FirstOrDefault(), service, null, "its image is not the processor's");
            }

            var elsewhere = (maps.GetValueOrDefault(AppIds.Processor).Text("data", "FunctionsElsewhere") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
            if (!elsewhere.Order().SequenceEqual(hosted.Order()))
            {
                report.AddAt("k8s/base/processor/deployment.yaml", "FunctionsElsewhere", $"the processor leaves alone: {string.Join(", ", elsewhere)}; deployed alone are: {string.Join(", ", hosted)} (in {overlay.Name})");
            }
        }
    }
}
