using Deployment.Tests.Model;
using static Deployment.Tests.Model.Mutation;

namespace Deployment.Tests;

/// <summary>Mistakes in what is between services: Dapr's resources, scaling by messages, networks, secrets.</summary>
internal static partial class Mistakes
{
    private const string KedaFile = "k8s/components/keda/processor.yaml";
    private const string FunctionFile = "k8s/components/function/scaling.yaml";
    private const string Scaled = "ScaledObject accounts-processor";
    private const string Function = "ScaledObject accounts-account-events";
    private const string Users = $"services/Accounts.Processor/{nameof(Users)}/UserEvents.cs";
    private const string Peers = "k8s/base/network.yaml";

    public static IReadOnlyList<Mutation> InTheCluster { get; } =
    [
        new(1, "a field that Dapr's component does not have", Set("production", "Component views", "spec metadata 0 secretRef", "x"), "k8s/components/postgres-rabbitmq/components.yaml … no field 'secretRef'"),
        new(2, "a setting in the cluster that there is not", Set("dev", "Component views", "spec metadata +", "{ name: redisHots, value: x }"), "k8s/components/redis-dev/components.yaml … no setting 'redisHots'"),
        new(3, "a cluster without a broker", Drop("dev", "Component wakeups"), "no component 'wakeups'"),
        new(3, "a cluster without a configuration", Drop("dev", "Configuration accounts-query"), "no Configuration 'accounts-query'"),
        new(3, "a component that is set otherwise than on a desk", Set("production", "Component wakeups", "spec metadata name=maxLen value", "\"10\""), "k8s/components/postgres-rabbitmq/components.yaml … no set of components/"),
        new(4, "a function that may not read the log", Set("production", "Component event-log", "scopes 2", null), "k8s/components/postgres-rabbitmq/components.yaml … scopes"),
        new(5, "a Secret that nobody makes", Drop("production", "ExternalSecret accounts-stores"), "k8s/components/postgres-rabbitmq/components.yaml … no Secret 'accounts-stores/postgres'"),
        new(5, "a connection that is written out", Set("production", "Component views", "spec metadata 0", "{ name: connectionString, value: host=db }"), "k8s/components/postgres-rabbitmq/components.yaml … written out"),
        new(6, "two stores for actors", Set("dev", "Component views", "spec metadata +", "{ name: actorStateStore, value: \"true\" }"), "k8s/components/redis-dev/components.yaml … two stores"),
        new(7, "a subscription in the cluster that the code makes too", Add("dev", "{ apiVersion: dapr.io/v2alpha1, kind: Subscription, metadata: { name: wake }, spec: { pubsubname: wakeups, topic: account-log, deadLetterTopic: dead, routes: { default: /wake-ups } }, scopes: [accounts-processor] }"), "twice"),
        new(8, "no retry in the cluster", Drop("dev", "Resiliency accounts"), "k8s/base/resiliency.yaml … nothing retries"),
        new(9, "a queue in the cluster that forgets", Set("production", "Component events", "spec metadata name=deliveryMode value", "\"1\""), "k8s/components/postgres-rabbitmq/components.yaml … kept on disk"),
        new(10, "another API list than on a desk", Set("dev", "Configuration accounts-query", "spec api allowed +", "{ name: secrets, version: v1, protocol: grpc }"), "k8s/base/query/configuration.yaml … other calls"),
        new(10, "callers of another namespace", Set("dev", "Configuration accounts-command", "spec accessControl policies 0 namespace", "default"), "k8s/base/command/configuration.yaml … 'accounts-dev'"),
        new(10, "a function whose policies may not send commands", Set("production", "Configuration accounts-command", "spec accessControl policies appId=accounts-account-events", null), "'accounts-account-events' may not send commands"),
        new(10, "more than commands", Set("dev", "Configuration accounts-command", "spec accessControl policies 0 operations 0 name", "/*"), "k8s/base/command/configuration.yaml … more than commands"),
        new(29, "another queue than Dapr's", Set("production", Scaled, "spec triggers 1 metadata queueName", "account-log"), KedaFile + " … 'accounts-processor-account-log'"),
        new(29, "a topic of a function that does not wake it", Set("three-functions", "ScaledObject accounts-user-deletion", "spec triggers 2", null), FunctionFile + " … 'user-events' does not wake it"),
        new(29, "a trigger without a metric type", Set("production", Function, "spec triggers 0 metricType", null), FunctionFile + " … metricType"),
        new(29, "a fallback that overrules the processor time", Set("production", Scaled, "spec fallback", "{ failureThreshold: 3, replicas: 2 }"), KedaFile + " … overrules"),
        new(29, "a log of fewer partitions", Text("libraries/EventLog/LogOptions.cs", "Partitions { get; init; } = 8", "Partitions { get; init; } = 4"), KedaFile + ":14 … 4 partitions"),
        new(29, "a topic that no function is known to hear", Text(Users, "Name = Topics.UserEvents", "Name = Topics.AccountEvents"), Users + " … hears 'account-events'"),
        new(29, "more replicas than partitions", Set("production", Scaled, "spec maxReplicaCount", "20"), KedaFile + ":14 … partitions"),
        new(29, "bounds that are left to defaults", Set("production", Scaled, "spec minReplicaCount", null), KedaFile + " … defaults"),
        new(29, "a function that a lost wake-up does not wake", Set("production", Function, "spec triggers 1", null), FunctionFile + " … no cron trigger"),
        new(29, "a trigger by another broker", Set("production", Scaled, "spec triggers 1 type", "kafka"), KedaFile + " … pubsub.rabbitmq"),
        new(29, "a trigger without a login", Set("production", Scaled, "spec triggers 1 authenticationRef", null), KedaFile + " … TriggerAuthentication"),
        new(29, "a function that runs twice", Set("production", "ConfigMap accounts-processor", "data FunctionsElsewhere", "\"\""), "k8s/base/processor/deployment.yaml … the processor leaves alone"),
        new(29, "queries scaled by messages", Set("production", Scaled, "spec scaleTargetRef name", "accounts-query"), KedaFile + " … not for a processor"),
        new(30, "no denial by default", Drop("dev", "NetworkPolicy default-deny"), "k8s/base/network.yaml … denies by default"),
        new(30, "a policy that selects nobody", Set("dev", "NetworkPolicy accounts-placement", "spec podSelector", "{ matchLabels: { app: commands } }"), Peers + " … selects no pod"),
        new(30, "a policy for everybody", Set("dev", "NetworkPolicy accounts-placement", "spec egress 0 to 0", "{ podSelector: {} }"), Peers + " … everybody"),
        new(30, "a policy for all ports", Set("dev", "NetworkPolicy accounts-placement", "spec egress 0 ports", null), Peers + " … means all"),
        new(31, "the port of the Service, not of the pods", Set("dev", "NetworkPolicy accounts-control-plane", "spec egress 1 ports 0 port", "443"), "it cannot reach dapr-system/app=dapr-sentry at 50001"),
        new(31, "no names", Set("dev", "NetworkPolicy accounts-control-plane", "spec egress 0", null), "cannot reach kube-system/k8s-app=kube-dns at 53"),
        new(31, "a store that is out of reach", Drop("dev", "NetworkPolicy accounts-to-redis"), "cannot reach pods/accounts-redis at 6379"),
        new(31, "a store of the namespace that is sought outside", Set("dev", "NetworkPolicy accounts-to-redis", "spec egress 0 to 0", "{ ipBlock: { cidr: 10.0.0.0/8 } }"), "cannot reach pods/accounts-redis at 6379"),
        new(31, "a function that calls the processor", Set("production", "NetworkPolicy accounts-account-events", "spec egress 0 to 0 podSelector matchLabels app.kubernetes.io/name", "accounts-processor"), "k8s/components/function/network.yaml … accounts-account-events has no business at pods/accounts-processor 50002"),
        new(31, "queries that reach the broker", Set("production", "NetworkPolicy accounts-to-rabbitmq", "spec podSelector matchExpressions 0 values +", "query"), "k8s/components/postgres-rabbitmq/network.yaml … accounts-query has no business"),
        new(31, "a collector that is out of reach", Drop("production", "NetworkPolicy accounts-to-otel-collector"), "pods/accounts-otel-collector at 4317"),
        new(32, "clients at the processor", Set("production", "NetworkPolicy accounts-from-gateway", "spec podSelector matchExpressions 0 values +", "processor"), "k8s/components/gateway/network.yaml … no business at accounts-processor 8080"),
        new(32, "a gateway that reaches nobody", Drop("production", "NetworkPolicy accounts-from-gateway"), "gateway/ cannot reach it at 8080"),
        new(32, "the sidecar's API for others", Set("dev", "NetworkPolicy accounts-command", "spec ingress 0 ports +", "{ port: 3500, protocol: TCP }"), Peers + " … 3500"),
        new(32, "queries called from sidecar to sidecar", Set("dev", "NetworkPolicy accounts-processor", "spec podSelector matchLabels app.kubernetes.io/name", "accounts-query"), Peers + " … accounts-query 50002"),
        new(32, "sidecars that everybody of the namespace reaches", Set("dev", "NetworkPolicy accounts-processor", "spec ingress 0 from 0 podSelector", "{ matchExpressions: [{ key: app.kubernetes.io/component, operator: Exists }] }"), Peers + " … pods/accounts-query has no business at accounts-processor 50002"),
        new(32, "a database that its neighbour reaches", Set("dev-postgres", "NetworkPolicy accounts-postgres", "spec ingress 0 from 0 podSelector matchExpressions 0 values +", "redis"), "pods/accounts-redis has no business at accounts-postgres 5432"),
        new(32, "a namespace that is chosen by any label", Set("production", "NetworkPolicy accounts-from-gateway", "spec ingress 0 from 0 namespaceSelector", "{ matchExpressions: [{ key: gateway, operator: Exists }] }"), "k8s/components/gateway/network.yaml … others/ has no business"),
        new(32, "commands that queries answer", Set("production", "HTTPRoute accounts", "spec rules 0 backendRefs 0 name", "accounts-query"), "k8s/components/gateway/route.yaml … POST goes to accounts-query"),
        new(32, "a method that leads nowhere", Set("production", "HTTPRoute accounts", "spec rules 0 matches 2", null), "k8s/components/gateway/route.yaml … PATCH leads nowhere"),
        new(32, "a method that is written among those that only look", Set("production", "HTTPRoute accounts", "spec rules 1 matches 0 method", "DELETE"), "k8s/components/gateway/route.yaml … DELETE goes to accounts-query"),
        new(32, "a route to a port that no Service has", Set("production", "HTTPRoute accounts", "spec rules 1 backendRefs 0 port", "8080"), "k8s/components/gateway/route.yaml … has the port 8080"),
        new(32, "a database that everybody reaches", Set("dev", "NetworkPolicy accounts-redis", "spec ingress 0 from 0", "{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: other } } }"), "k8s/components/redis-dev/network.yaml … other/ has no business"),
        new(33, "no security standard", Set("dev", "Namespace accounts-dev", "metadata labels pod-security.kubernetes.io/enforce", "privileged"), "security standard"),
        new(33, "a standard that Dapr does not keep by itself, without a word of it", Text(Guide, "sidecarDropALLCapabilities", "all capabilities dropped"), "sidecarDropALLCapabilities=true"),
        new(36, "settings that are not there", Drop("dev", "ConfigMap accounts-query"), "k8s/base/query/deployment.yaml … no ConfigMap"),
        new(36, "tokens that are not there", Drop("production", "ExternalSecret accounts-app-token"), "k8s/components/tokens/deployment.yaml … no Secret 'accounts-app-token/token'"),
        new(37, "something before the namespace", Drop("dev", "Namespace accounts-dev"), "before the namespace"),
        new(37, "a preflight that forgets KEDA", Text("k8s/preflight.sh", "needs keda.sh", "needs keda.example"), "k8s/preflight.sh … 'keda.sh'"),
        new(39, "a port that no pod has", Set("production", "PodMonitor accounts-services", "spec podMetricsEndpoints 0 port", "prometheus"), "k8s/components/prometheus/monitors.yaml … no pod has the port"),
    ];
}
