using Deployment.Tests.Model;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Checks;

/// <summary>Probes and rights of containers.</summary>
internal static class PodChecks
{
    public static IEnumerable<Check> List =>
    [
        new(18, "Every container is probed for start, life and readiness, at ports that it has, and life is not readiness", Probes),
        new(22, "Pods keep to the restricted security standard, with a root that cannot be written", Security),
    ];

    private static IEnumerable<(Document Workload, YamlNode Container, bool Ours)> Containers(Scene scene) => scene.Overlays.SelectMany(overlay => overlay.Workloads
        .SelectMany(workload => Overlay.Containers(workload).Select(container => (workload, container, overlay.Services.Contains(workload)))));

    private static void Probes(Scene scene, Report report)
    {
        foreach (var (workload, container, ours) in Containers(scene))
        {
            var ports = container.Items("ports").Select(port => port.Text("name")).ToList();
            foreach (var name in new[] { "startupProbe", "livenessProbe", "readinessProbe" })
            {
                var probe = container.Get(name);
                report.Unless(probe is not null, workload, container, $"it has no {name}");
                var port = probe.Get("httpGet", "port") ?? probe.Get("tcpSocket", "port");
                report.Unless(port is null || ports.Contains(port.Text()), workload, port, $"{name} asks a port that the container does not name");
                report.Unless(!ours || probe.Get("exec") is null, workload, probe, $"{name} starts a program, and the image has no shell");
            }

            report.Unless(!ours || (container.Text("startupProbe", "httpGet", "path"), container.Text("livenessProbe", "httpGet", "path"), container.Text("readinessProbe", "httpGet", "path")) == ("/healthz/startup", "/healthz/live", "/healthz/ready"),
                workload, container.Get("livenessProbe") ?? container, "the probes do not ask /healthz/startup, /healthz/live and /healthz/ready, each its own");
            report.Unless(!ours || container.Get("lifecycle", "preStop", "sleep") is not null, workload, container.Get("lifecycle") ?? container, "preStop does not just wait: the image has no shell");
            report.Unless(!ours || container.Number("startupProbe", "periodSeconds") * container.Number("startupProbe", "failureThreshold") is >= 60 and <= 300, workload, container.Get("startupProbe"), "the service has less than a minute to start, or more than five");
        }
    }

    private static void Security(Scene scene, Report report)
    {
        foreach (var workload in scene.Overlays.SelectMany(overlay => overlay.Workloads))
        {
            var pod = Overlay.Pod(workload);
            var context = pod.Get("securityContext");
            report.Unless(context.Text("runAsNonRoot") == "true" && context.Number("runAsUser") > 0, workload, context ?? pod, "it may run as root");
            report.Unless(context.Text("seccompProfile", "type") == "RuntimeDefault", workload, context ?? pod, "it may call whatever the kernel has");
            foreach (var volume in pod.Items("volumes").Where(volume => volume.Get("hostPath") is not null))
            {
                report.Add(workload, volume, "it reaches into its node's file system");
            }

            report.Unless(pod.Text("hostNetwork") != "true" && pod.Text("hostPID") != "true", workload, pod, "it is in its node's namespaces");
        }

        foreach (var (workload, container, _) in Containers(scene))
        {
            var context = container.Get("securityContext");
            report.Unless(context.Texts("capabilities", "drop").SequenceEqual(["ALL"]) && !context.Texts("capabilities", "add").Any(), workload, context ?? container, "it has capabilities");
            report.Unless(context.Text("allowPrivilegeEscalation") == "false" && context.Text("privileged") == "false", workload, context ?? container, "it may gain privileges");
            report.Unless(context.Text("readOnlyRootFilesystem") == "true", workload, context ?? container, "its root can be written");
            report.Unless(container.Items("volumeMounts").Any(mount => mount.Text("mountPath") == "/tmp" && Overlay.Pod(workload).Items("volumes").Any(volume => volume.Text("name") == mount.Text("name") && volume.Get("emptyDir") is not null)), workload, container.Get("volumeMounts") ?? container, "there is no empty /tmp");
            foreach (var port in container.Items("ports").Where(port => port.Get("hostPort") is not null))
            {
                report.Add(workload, port, "it takes a port of its node");
            }
        }
    }
}
