using Deployment.Tests.Model;
using static Deployment.Tests.Model.Mutation;

namespace Deployment.Tests;

/// <summary>Mistakes in what is on the desk: run file, components, configurations.</summary>
internal static partial class Mistakes
{
    private const string RunFile = "dapr.yaml";
    private const string Command = "configuration/accounts-command.yaml";
    private const string Guide = "docs/run-on-kubernetes.md";

    /// <summary>Those that need a rendering.</summary>
    public static bool InMemoryOnly(Mutation mutation) => !OnTheDesk.Contains(mutation);

    public static IReadOnlyList<Mutation> OnTheDesk { get; } =
    [
        new(1, "a misspelled field of a component", Text("components/redis/views.yaml", "scopes:", "scope:"), "components/redis/views.yaml:21 … no field 'scope'"),
        new(1, "a kind that Dapr does not have", Text("components/redis/views.yaml", "kind: Component", "kind: Komponent"), "components/redis/views.yaml … no kind"),
        new(1, "a number where a text belongs", Text(Command, "samplingRate: \"1\"", "samplingRate: 1"), Command + ":9 … not of the type string"),
        new(1, "a field that kustomize does not have", Text("k8s/base/kustomization.yaml", "components:", "parts:"), "k8s/base/kustomization.yaml … no field 'parts'"),
        new(2, "a version of a component that there is not", Text("components/postgres-kafka/views.yaml", "version: v2", "version: v3"), "components/postgres-kafka/views.yaml:7 … no 'state.postgresql/v3'"),
        new(2, "a misspelled setting of a component", Text("components/redis/events.yaml", "maxLenApprox", "maxLengthApprox"), "components/redis/events.yaml … no setting 'maxLengthApprox'"),
        new(2, "a value that a setting does not have", Text("components/postgres-nats/wakeups.yaml", "value: new", "value: newest"), "components/postgres-nats/wakeups.yaml … none of"),
        new(2, "a setting that is missing", Text("components/redis/wakeups.yaml", "redisHost", "redisDB"), "components/redis/wakeups.yaml … needs 'redisHost'"),
        new(2, "a component without a login", Text("components/mysql-redis/views.yaml", "connectionString", "pemPath"), "components/mysql-redis/views.yaml … does not say who it is"),
        new(2, "a login of which a part is missing", Text("components/postgres-kafka/events.yaml", "value: none", "value: password"), "components/postgres-kafka/events.yaml … saslPassword"),
        new(2, "a setting that is deprecated", Text("components/postgres-kafka/views.yaml", "    - name: keyPrefix", "    - name: awsAccessKey\n      value: x\n    - name: keyPrefix"), "components/postgres-kafka/views.yaml … deprecated"),
        new(2, "a setting that does not say why", Text("components/azure/views.yaml", " # made beforehand, with the partition key path /partitionKey", ""), "components/azure/views.yaml:22 … nothing says why 'collection'"),
        new(3, "a component by another name", Text("components/aws/views.yaml", "name: views", "name: rows"), "components/aws/views.yaml:7 … no code names it"),
        new(3, "a set without one of its components", NoFile("components/azure/wakeups.yaml"), "no component 'wakeups'"),
        new(3, "a configuration by another name", Text(Command, "name: accounts-command", "name: accounts-comand"), "configuration/accounts-command.yaml … named after no app"),
        new(4, "a component for an app that does not use it", Text("components/redis/event-log.yaml", "- accounts-processor", "- accounts-processor\n  - accounts-query"), "components/redis/event-log.yaml … scopes"),
        new(4, "a component for everybody", Text("components/local/events.yaml", "scopes:\n  - accounts-processor\n", ""), "components/local/events.yaml … no scopes"),
        new(5, "a password that is written out", Text("components/redis/views.yaml", "    - name: keyPrefix", "    - name: redisPassword\n      value: s3cret\n    - name: keyPrefix"), "components/redis/views.yaml … written out"),
        new(5, "a secret from a store that one of the apps does not have", Text("components/redis/secrets.yaml", "  - accounts-query\n", ""), "components/redis/views.yaml … secret store"),
        new(6, "views that only their writer can see", Text("components/mongodb-kafka/views.yaml", "value: name", "value: appid"), "components/mongodb-kafka/views.yaml … keyPrefix"),
        new(6, "no store for actors", Text("components/redis/event-log.yaml", "value: \"true\"", "value: \"false\""), "components/redis/event-log.yaml … no store is for actors"),
        new(6, "a log in a store without transactions", Text("components/redis/event-log.yaml", "type: state.redis", "type: state.oci.objectstorage"), "components/redis/event-log.yaml … no transactions"),
        new(7, "a subscription of the code without a dead-letter topic", Text(Users, ", DeadLetterTopic = Topics.UserEventsDead", ""), Users + " … has no dead-letter topic"),
        new(7, "a dead-letter topic that nobody reads", Text(Users, ".WithTopic(Components.Events, Topics.UserEventsDead)", ""), Users + " … nobody takes what ends on"),
        new(7, "a code that does not hear wake-ups", Text("services/Accounts.Processor/Consumers/FunctionSetup.cs", ".WithTopic(Components.Wakeups, Topics.AccountLog)", ""), "services/Accounts.Processor/Consumers/FunctionSetup.cs … nothing subscribes to wake-ups"),
        new(7, "a subscription that the code makes too", NewFile("components/redis/wake.yaml", "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata:\n  name: wake\nspec:\n  pubsubname: wakeups\n  topic: account-log\n  routes:\n    default: /wake-ups\n  deadLetterTopic: dead\nscopes: [accounts-processor]\n"), "components/redis/wake.yaml:7 … twice"),
        new(7, "a subscription without a dead-letter topic", NewFile("components/redis/users.yaml", "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata:\n  name: users\nspec:\n  pubsubname: events\n  topic: user-events\n  routes:\n    default: /users\nscopes: [accounts-processor]\n"), "components/redis/users.yaml … dead-letter"),
        new(8, "a retry without an end", Text("components/redis/resiliency.yaml", "maxRetries: 5", "maxRetries: -1"), "components/redis/resiliency.yaml … no end"),
        new(8, "a retry that nobody has defined", Text("components/redis/resiliency.yaml", "retry: deliveries", "retry: delivery"), "components/redis/resiliency.yaml … no retry 'delivery'"),
        new(8, "a retry for a component that there is not", Text("components/redis/resiliency.yaml", "      events:", "      event:"), "there is no component 'event'"),
        new(8, "a retry for an app that there is not", Text("components/redis/resiliency.yaml", "  - accounts-processor", "  - accounts-procesor"), "components/redis/resiliency.yaml … accounts-procesor"),
        new(9, "tries that take longer than the broker waits", Text("components/redis/resiliency.yaml", "duration: 2s", "duration: 4s"), "components/redis/events.yaml … delivered again"),
        new(9, "a stream of which only what is new is read", Text("components/postgres-nats/events.yaml", "value: all", "value: new"), "components/postgres-nats/events.yaml … is lost"),
        new(9, "a stream that grows for ever", Text("components/redis/wakeups.yaml", "    - name: maxLenApprox # Dapr never removes what was read: else the stream grows for ever\n      value: \"10000\"\n", ""), "components/redis/wakeups.yaml … grows for ever"),
        new(9, "a queue that goes when RabbitMQ restarts", Text("components/postgres-rabbitmq/events.yaml", "value: \"true\"", "value: \"false\""), "components/postgres-rabbitmq/events.yaml … not durable"),
        new(10, "more than one half of all, and more than all", Text(Command, "samplingRate: \"1\"", "samplingRate: \"1.5\""), Command + " … samplingRate"),
        new(10, "a protocol that is left open", Text("configuration/accounts-query.yaml", "protocol: http", "protocol: grpc"), "configuration/accounts-query.yaml … is open"),
        new(10, "an app that lets everybody in", Text("configuration/accounts-query.yaml", "defaultAction: deny", "defaultAction: allow"), "configuration/accounts-query.yaml … deny by default"),
        new(10, "policies that may not send commands", Text(Command, "appId: accounts-processor", "appId: accounts-procesor"), Command + " … 'accounts-processor' may not send commands"),
        new(11, "a dollar sign", Text(Command, "# wake-ups", "# wake-ups cost $1"), Command + ":25 … dollar sign"),
        new(12, "an app id that is no DNS label", Text(RunFile, "appID: accounts-query", "appID: accounts.query"), RunFile + " … DNS label"),
        new(13, "a field that the run file does not have", Text(RunFile, "appPort: 5101", "appPorts: 5101"), RunFile + ":21 … no field 'appPorts'"),
        new(13, "a folder of components that there is not", Text(RunFile, "./components/redis", "./components/reddis"), RunFile + ":8 … no folder"),
        new(14, "a port that is given twice", Text(RunFile, "metricsPort: 9103", "metricsPort: 9102"), RunFile + " … port 9102 is given twice"),
        new(14, "a service that listens elsewhere", Text(RunFile, "ASPNETCORE_URLS: http://localhost:5102", "ASPNETCORE_URLS: http://localhost:5101"), RunFile + " … accounts-processor does not listen"),
        new(14, "a port that only the README knows", Text("README.md", "localhost:5103/v1", "localhost:5104/v1"), "README.md … port 5104"),
        new(15, "an app that is not started", Text(RunFile, "appID: accounts-query", "appID: accounts-queries"), RunFile + " … 'accounts-query' is not started"),
        new(34, "a prefix that renames components", Text("k8s/overlays/dev/kustomization.yaml", "namespace: accounts-dev", "namePrefix: dev-"), "k8s/overlays/dev/kustomization.yaml:4 … changes names"),
        new(34, "a generated name that Dapr does not follow", Text("k8s/components/grafana/kustomization.yaml", "disableNameSuffixHash: true", "disableNameSuffixHash: false"), "k8s/components/grafana/kustomization.yaml … suffix"),
        new(35, "a kind in the base that a cluster with Dapr does not know", Text("k8s/base/resiliency.yaml", "apiVersion: dapr.io/v1alpha1", "apiVersion: keda.sh/v1alpha1"), "k8s/base/resiliency.yaml:3 … 'keda.sh'"),
        new(36, "a file that nobody uses", NewFile("k8s/base/more.yaml", "apiVersion: v1\nkind: ConfigMap\n"), "k8s/base/more.yaml:1 … no kustomization names it"),
        new(36, "a file that is not there", Text("k8s/base/kustomization.yaml", "- network.yaml", "- networks.yaml"), "k8s/base/kustomization.yaml … no 'networks.yaml'"),
        new(39, "an alert on a metric that nobody measures", Text("k8s/components/prometheus/alerts.yaml", "accounts_log_lost_races_total", "accounts_log_races_lost_total"), "k8s/components/prometheus/alerts.yaml … nothing measures 'accounts_log_races_lost_total'"),
        new(39, "an alert on an outcome that there is not", Text("k8s/components/prometheus/alerts.yaml", "unknown|not-done", "unknown|undone"), "k8s/components/prometheus/alerts.yaml … has 'undone'"),
        new(39, "a panel by a label that there is not", Text("k8s/components/grafana/accounts.json", "sum by (outcome)", "sum by (result)"), "k8s/components/grafana/accounts.json … has 'result'"),
        new(39, "an alert that does not say where", Text("k8s/components/prometheus/alerts.yaml", "max by (namespace, function)", "max by (function)"), "k8s/components/prometheus/alerts.yaml … adds up the namespaces"),
        new(39, "a panel on a metric that nobody measures", Text("k8s/components/grafana/accounts.json", "accounts_commands_total", "accounts_orders_total"), "k8s/components/grafana/accounts.json … nothing measures 'accounts_orders_total'"),
        new(39, "a panel that Grafana no longer has", Text("k8s/components/grafana/accounts.json", "\"timeseries\"", "\"graph\""), "k8s/components/grafana/accounts.json … no longer"),
        new(39, "an alert that is not explained", Text(Guide, "### AccountsStopped", "### AccountsHalted"), "k8s/components/prometheus/alerts.yaml … does not explain AccountsStopped"),
        new(44, "a guide that names what is not there", Text(Guide, "k8s/overlays/dev", "k8s/overlays/development"), Guide + " … there is no 'k8s/overlays/development'"),
        new(44, "a guide that names a tool that is not there", Text(Guide, "tools/Accounts.LogVerifier", "tools/LogVerifier"), Guide + " … there is no 'tools/LogVerifier'"),
        new(44, "a command for a Deployment that is not there", Text(Guide, "scale deployment accounts-command --replicas 2", "scale deployment accounts-commands --replicas 2"), Guide + " … there is no deployment 'accounts-commands'"),
        new(44, "a command that does not say where", Text(Guide, "kubectl -n accounts-production annotate", "kubectl annotate"), Guide + " … in which namespace"),
        new(44, "a command for a namespace that no overlay has", Text(Guide, "kubectl -n accounts-production scale", "kubectl -n accounts-prod scale"), Guide + " … no overlay has the namespace 'accounts-prod'"),
        new(44, "a port that nothing listens on", Text(Guide, "50101:50001", "50101:3500"), Guide + " … has no port 3500"),
        new(44, "a link that leads nowhere", Text(Guide, "(#verify-a-log)", "(#verify-the-log)"), Guide + " … '#verify-the-log' leads nowhere"),
        new(44, "a set without a row", Text("docs/components.md", "| `components/aws`", "| `components/amazon`"), "docs/components.md … no row for 'components/aws'"),
    ];
}
