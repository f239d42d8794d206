using Deployment.Tests.Model;
using static Deployment.Tests.Model.Mutation;

namespace Deployment.Tests;

/// <summary>Mistakes in Deployments and what goes with them.</summary>
internal static partial class Mistakes
{
    private const string Workload = "k8s/base/workload/deployment.yaml";
    private const string Query = "Deployment accounts-query";
    private const string Processor = "Deployment accounts-processor";
    private const string Annotations = "spec template metadata annotations ";
    private const string Pod = "spec template spec ";
    private const string Container = Pod + "containers name=app ";

    public static IReadOnlyList<Mutation> InWorkloads { get; } =
    [
        new(1, "a field that a Deployment does not have", Set("dev", Query, Container + "imagePolicy", "Always"), "k8s/base/query/deployment.yaml:25 … no field 'imagePolicy'"),
        new(12, "two Deployments of one app", Set("dev", Query, Annotations + "dapr.io/app-id", "accounts-command"), "two Deployments are the app"),
        new(15, "a service that is not deployed", Drop("dev", Query), "'accounts-query' is not deployed"),
        new(15, "an app id that is not the run file's", Set("dev", Query, Annotations + "dapr.io/app-id", "accounts-queries"), "k8s/base/query/deployment.yaml … accounts-queries"),
        new(16, "a misspelled annotation", Set("dev", Query, Annotations + "dapr.io/app-ports", "\"8080\""), "k8s/base/query/deployment.yaml:20 … no annotation 'dapr.io/app-ports'"),
        new(16, "an annotation that is no text", Set("dev", Query, Annotations + "dapr.io/app-port", "8080"), Workload + ":18 … not quoted"),
        new(16, "an annotation on the Deployment", Set("dev", Query, "metadata annotations", "{ dapr.io/enabled: \"true\" }"), "k8s/base/query/deployment.yaml … not on the pod template"),
        new(17, "another port for the sidecar than for the service", Set("dev", Query, Annotations + "dapr.io/app-port", "\"8081\""), Workload + ":18 … app-port"),
        new(17, "a configuration that is not there", Set("dev", Query, Annotations + "dapr.io/config", "accounts"), "k8s/base/query/deployment.yaml … no Configuration 'accounts'"),
        new(17, "a service that does not know its app id", Set("dev", "ConfigMap accounts-query", "data APP_ID", "accounts-command"), "k8s/base/query/deployment.yaml … APP_ID"),
        new(18, "life that asks for readiness", Set("dev", Query, Container + "livenessProbe httpGet path", "/healthz/ready"), Workload + " … each its own"),
        new(18, "no readiness", Set("dev", Query, Container + "readinessProbe", null), "k8s/base/query/deployment.yaml:25 … no readinessProbe"),
        new(18, "a probe of a port that there is not", Set("dev", Query, Container + "livenessProbe httpGet port", "web"), Workload + " … does not name"),
        new(18, "a shell before the end", Set("dev", Query, Container + "lifecycle preStop", "{ exec: { command: [sh] } }"), Workload + " … no shell"),
        new(19, "a sidecar that asks a path that asks the sidecar", Set("dev", Query, Annotations + "dapr.io/app-health-check-path", "/healthz/ready"), Workload + ":24 … asks the sidecar"),
        new(19, "another threshold than on a desk", Text(RunFile, "appHealthThreshold: 5", "appHealthThreshold: 3"), Workload + ":27 … appHealthThreshold"),
        new(20, "too little time to stop", Set("dev", Query, Pod + "terminationGracePeriodSeconds", "30"), Workload + " … 40 are needed"),
        new(20, "a sidecar that goes before its service", Set("dev", Query, Annotations + "dapr.io/block-shutdown-duration", "10s"), Workload + " … may go before"),
        new(20, "no graceful shutdown", Set("dev", Query, Annotations + "dapr.io/graceful-shutdown-seconds", null), Workload + " … not all set"),
        new(20, "a service that takes longer to stop", Text("libraries/ServiceDefaults/ServiceSetup.cs", "FromSeconds(15)", "FromSeconds(25)"), Workload + " … takes up to 30 s"),
        new(21, "a sidecar without a bound", Set("dev", Query, Annotations + "dapr.io/sidecar-memory-limit", null), "k8s/base/query/deployment.yaml:20 … sidecar-memory-limit"),
        new(21, "a soft limit above the hard one", Set("dev", Query, Annotations + "dapr.io/env", "GOMEMLIMIT=300MiB"), Workload + " … GOMEMLIMIT"),
        new(21, "a service without a share", Set("dev", Query, Container + "resources requests", null), Workload + " … no requests"),
        new(22, "root", Set("dev", Query, Pod + "securityContext runAsNonRoot", "false"), Workload + " … root"),
        new(22, "a root that can be written", Set("dev", Query, Container + "securityContext readOnlyRootFilesystem", "false"), Workload + " … can be written"),
        new(22, "a capability", Set("dev", Query, Container + "securityContext capabilities", "{ drop: [ALL], add: [NET_RAW] }"), Workload + " … capabilities"),
        new(22, "every call of the kernel", Set("dev", Query, Pod + "securityContext seccompProfile type", "Unconfined"), Workload + " … kernel"),
        new(22, "no place for temporary files", Set("dev", Query, Pod + "volumes", "[]"), Workload + " … /tmp"),
        new(23, "somebody else's account", Set("dev", Query, Pod + "serviceAccountName", "accounts-command"), "k8s/base/query/deployment.yaml … ServiceAccount"),
        new(23, "a token that is mounted", Set("dev", "ServiceAccount accounts-query", "automountServiceAccountToken", "true"), "k8s/base/query/service.yaml … mounted"),
        new(24, "the latest image", Set("dev", Query, Container + "image", "accounts-query:latest"), "k8s/base/query/deployment.yaml … has no version"),
        new(24, "a tag in production", Set("production", Query, Container + "image", "registry.example.com/accounts/accounts-query:1.0.0"), "k8s/base/query/deployment.yaml … no digest"),
        new(24, "an image of another version than is built", Text("services/Directory.Build.props", "<Version>1.0.0", "<Version>1.1.0"), "k8s/base/query/deployment.yaml … not of the version 1.1.0"),
        new(25, "labels of another version than is built", Text("services/Directory.Build.props", "<Version>1.0.0", "<Version>1.1.1"), "k8s/base/query/service.yaml … services/Directory.Build.props 1.1.1"),
        new(25, "an object without a version", Set("dev", "Service accounts-query", "metadata labels app.kubernetes.io/version", null), "k8s/base/query/service.yaml … app.kubernetes.io/version"),
        new(25, "pods without a version", Set("production", "Deployment accounts-account-events", "spec template metadata labels app.kubernetes.io/version", null), "Deployment accounts-account-events: its pods have no label app.kubernetes.io/version"),
        new(25, "a selector that finds no pod", Set("dev", Query, "spec selector matchLabels app.kubernetes.io/name", "query"), "k8s/base/query/deployment.yaml … selector"),
        new(25, "a missing label", Set("dev", "Service accounts-query", "metadata labels app.kubernetes.io/component", null), "k8s/base/query/service.yaml … app.kubernetes.io/component"),
        new(25, "the namespace \"default\"", Set("dev", "Service accounts-query", "metadata namespace", "default"), "k8s/base/query/service.yaml … namespace"),
        new(25, "a Service for the whole world", Set("dev", "Service accounts-query", "spec type", "LoadBalancer"), "k8s/base/query/service.yaml:9 … to the outside"),
        new(25, "a Service that leads nowhere", Set("dev", "Service accounts-query", "spec ports 0 targetPort", "web"), "k8s/base/query/service.yaml … no port"),
        new(26, "no disruption budget", Drop("dev", "PodDisruptionBudget accounts-query"), "k8s/base/query/deployment.yaml … 0 disruption budgets"),
        new(26, "a node that can never be emptied", Set("dev", "PodDisruptionBudget accounts-query", "spec maxUnavailable", "0"), "k8s/base/query/service.yaml … no pod be moved"),
        new(26, "a pod that is ill holds up its node", Set("dev", "PodDisruptionBudget accounts-query", "spec unhealthyPodEvictionPolicy", "IfHealthyBudget"), "k8s/base/query/service.yaml … ill"),
        new(27, "all replicas on one node", Set("dev", Query, Pod + "topologySpreadConstraints 1", null), Workload + " … kubernetes.io/hostname"),
        new(27, "a replica that goes too early", Set("dev", Query, "spec strategy rollingUpdate maxUnavailable", "1"), Workload + " … before the next"),
        new(28, "two that decide", Set("dev", Query, "spec replicas", "3"), "k8s/base/query/deployment.yaml … decide"),
        new(28, "a number where load should decide", Both(Drop("dev", "HorizontalPodAutoscaler accounts-query"), Set("dev", Query, "spec replicas", "3")), "k8s/base/query/deployment.yaml … no HorizontalPodAutoscaler"),
        new(28, "a scaler of nothing", Set("dev", "HorizontalPodAutoscaler accounts-query", "spec scaleTargetRef name", "accounts-queries"), "k8s/base/query/scaling.yaml … nothing that is there"),
        new(28, "a single replica", Set("dev", "HorizontalPodAutoscaler accounts-query", "spec minReplicas", "1"), "k8s/base/query/scaling.yaml … fewer than two"),
    ];
}
