using Accounts.Contracts;
using Deployment.Tests.Model;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Checks;

/// <summary>Who decides how many replicas there are.</summary>
internal static class ScalingChecks
{
    private const int Partitions = 8;

    public static IEnumerable<Check> List =>
    [
        new(28, "One and only one decides how many replicas a service has", OneDecides),
        new(29, "KEDA looks at the queue that Dapr makes, and leaves nothing to defaults", Keda),
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
            }
        }
    }

    private static void Keda(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            foreach (var scaled in overlay.Of("ScaledObject"))
            {
                var target = overlay.Services.FirstOrDefault(service => service.Name == scaled.Spec.Text("scaleTargetRef", "name"));
                var (least, most) = (scaled.Spec.Number("minReplicaCount"), scaled.Spec.Number("maxReplicaCount"));
                report.Unless(least is not null && most is not null && scaled.Spec.Get("cooldownPeriod") is not null, scaled, scaled.Spec, "it leaves its bounds or its patience to defaults");
                report.Unless(most <= Partitions, scaled, scaled.Spec.Get("maxReplicaCount"), $"the log has {Partitions} partitions: more replicas have nothing to do");
                report.Unless(target?.Label("component") is "processor" or "function", scaled, scaled.Spec.Get("scaleTargetRef"), "it is not for a processor: nothing wakes a service for its callers");
                report.Unless(least > 0 || scaled.Spec.Items("triggers").Any(trigger => trigger.Text("type") == "cron"), scaled, scaled.Spec.Get("triggers"), "a wake-up that was lost wakes nobody: there is no cron trigger");
                foreach (var trigger in scaled.Spec.Items("triggers"))
                {
                    Trigger(overlay, scaled, trigger, target is null ? "" : Overlay.AppId(target), report);
                }
            }
        }
    }

    private static void Trigger(Overlay overlay, Document scaled, YamlNode trigger, string app, Report report)
    {
        var broker = overlay.Dapr("Component").FirstOrDefault(component => component.Name == Components.Wakeups)?.Spec.Text("type");
        var topic = Names.Subscribed.Single(one => one.Component == Components.Wakeups).Topic;
        string Of(string name) => trigger.Text("metadata", name) ?? "";
        switch (trigger.Text("type"))
        {
            case "rabbitmq":
                report.Unless(Of("queueName") == $"{app}-{topic}", scaled, trigger.Get("metadata"), $"Dapr's queue is '{app}-{topic}'");
                break;
            case "redis-streams":
                report.Unless((Of("stream"), Of("consumerGroup")) == (topic, app) && Of("lagCount").Length > 0 && Of("activationLagCount").Length > 0, scaled, trigger.Get("metadata"), $"Dapr's stream is '{topic}' and its group '{app}', and only lag wakes");
                break;
            case "kafka":
                report.Unless((Of("topic"), Of("consumerGroup")) == (topic, app), scaled, trigger.Get("metadata"), $"Dapr's topic is '{topic}' and its group '{app}'");
                break;
            case "cpu" or "cron":
                return;
        }

        report.Unless(broker == "pubsub." + trigger.Text("type")!.Split('-')[0], scaled, trigger.Get("type"), $"wake-ups come by {broker}");
        var authentication = overlay.Of("TriggerAuthentication").FirstOrDefault(found => found.Name == trigger.Text("authenticationRef", "name"));
        report.Unless(authentication is not null, scaled, trigger, "it names no TriggerAuthentication that is there");
        var secrets = ComponentChecks.SecretsOf(overlay);
        foreach (var reference in authentication?.Spec.Items("secretTargetRef") ?? [])
        {
            report.Unless(secrets.Contains($"{reference.Text("name")}/{reference.Text("key")}"), authentication!, reference, "there is no such Secret");
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
