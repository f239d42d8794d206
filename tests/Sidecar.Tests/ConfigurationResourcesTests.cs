using Sidecar.Configuration;
using TestSupport;

namespace Sidecar.Tests;

public sealed class ConfigurationResourcesTests : IDisposable
{
    private const string Store = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: store}
        spec: {type: state.sqlite, version: v1, metadata: [{name: connectionString, value: a.db}]}
        """;

    private const string Broker = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: bus}
        spec: {type: pubsub.in-memory, version: v1, metadata: []}
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly Findings _findings = new();

    [Fact]
    public void A_component_is_read_with_all_forms_of_metadata()
    {
        Environment.SetEnvironmentVariable("SIDECAR_TEST_PREFIX", "from-env");
        var resources = For("web", ("a.yaml", """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata:
              name: store
              namespace: default
            spec:
              type: state.sqlite
              version: v1
              initTimeout: 5s
              metadata:
                - name: ConnectionString
                  value: a.db
                - name: actorStateStore
                  value: true
                - name: keyPrefix
                  envRef: SIDECAR_TEST_PREFIX
                - name: busyTimeout
                  secretKeyRef: {name: timeouts, key: busy}
                - name: token
                  secretKeyRef: {name: token}
            auth:
              secretStore: vault
            scopes: [web, other]
            ---
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: vault}
            spec: {type: secretstores.local.env, version: v1, metadata: []}
            """));

        Assert.Empty(_findings.Errors);
        var store = resources.Components[0];
        Assert.Equal(("store", "state.sqlite", "v1", "vault"), (store.Name, store.Type, store.Version, store.SecretStore));
        Assert.Equal(("a.db", "true", "from-env"), (store.Metadata["connectionString"], store.Metadata["ACTORSTATESTORE"], store.Metadata["keyPrefix"]));
        Assert.Equal(new SecretReference("timeouts", "busy"), store.Secrets["busyTimeout"]);
        Assert.Equal(new SecretReference("token", "token"), store.Secrets["token"]);
        Assert.Equal(["web", "other"], store.Scopes);
        Assert.Equal("vault", resources.Components[1].Name);
    }

    [Fact]
    public void Only_yaml_files_directly_in_the_folder_count_and_kinds_without_use_here_are_passed_over()
    {
        _folder.Write("components/deeper/b.yaml", Broker);
        var resources = For(
            "web",
            ("a.yml", Store),
            ("notes.txt", "kind: [broken"),
            ("config.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec: {tracing: {samplingRate: '1'}}\n---\n---\napiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata: {name: e}"),
            ("compose.yaml", "services: {redis: {image: redis}}"));

        Assert.Equal("store", Assert.Single(resources.Components).Name);
        Assert.Empty(_findings.Errors);
        Assert.Empty(_findings.Warnings);
    }

    [Fact]
    public void A_file_of_secrets_is_looked_for_from_the_apps_directory()
    {
        const string Vault = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: vault}\nspec: {type: secretstores.local.file, version: v1, metadata: [{name: secretsFile, value: ./secrets.json}]}";
        For("web", ("a.yaml", Vault));
        Assert.Contains($"a.yaml:4: component vault: the file of secrets '{_folder.At("secrets.json")}' does not exist. Correct", Assert.Single(_findings.Errors));

        var path = _folder.Write("secrets.json", "{}");
        Assert.Equal(path, Assert.Single(For("web", ("a.yaml", Vault)).Components).Metadata["SecretsFile"]);
    }

    [Fact]
    public void Scopes_decide_who_sees_what()
    {
        (string, string)[] files =
        [
            ("a.yaml", Store + "\nscopes: [web]"),
            ("b.yaml", Broker),
            ("c.yaml", "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nspec: {pubsubname: bus, topic: t, routes: {default: /t}}\nscopes: [other]"),
            ("d.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r}\nspec: {policies: {}, targets: {}}\nscopes: [other]"),
            ("e.yaml", Broker.Replace("pubsub.in-memory", "pubsub.unheard", StringComparison.Ordinal).Replace("bus", "far", StringComparison.Ordinal) + "\nscopes: [third]"),
        ];

        var (web, other) = (For("web", files), For("other", files));

        Assert.Empty(_findings.Errors);
        Assert.Equal(["store", "bus"], web.Components.Select(c => c.Name));
        Assert.Equal(["bus"], other.Components.Select(c => c.Name));
        Assert.Empty(web.Subscriptions);
        Assert.Single(other.Subscriptions);
        Assert.Empty(web.Resiliency);
        Assert.Single(other.Resiliency);
    }

    [Fact]
    public void Both_versions_of_subscriptions_are_read()
    {
        var subscriptions = For("web", ("bus.yaml", Broker), ("subscriptions.yaml", """
            apiVersion: dapr.io/v1alpha1
            kind: Subscription
            metadata: {name: old}
            spec: {pubsubname: bus, topic: one, route: /one}
            ---
            apiVersion: dapr.io/v2alpha1
            kind: Subscription
            metadata: {name: new}
            spec:
              pubsubname: bus
              topic: two
              routes:
                rules:
                  - match: event.type == "a"
                    path: /a
                default: /rest
              deadLetterTopic: dead
              metadata: {rawPayload: "true"}
              bulkSubscribe: {enabled: true, maxMessagesCount: 20}
            """)).Subscriptions;

        Assert.Empty(_findings.Errors);
        var (old, latest) = (subscriptions[0], subscriptions[1]);
        Assert.Equal(("bus", "one", null, null), (old.PubSubName, old.Topic, old.DeadLetterTopic, old.Bulk));
        Assert.Equal([new RouteRule("", "/one")], old.Routes);
        Assert.Equal([new RouteRule("event.type == \"a\"", "/a"), new RouteRule("", "/rest")], latest.Routes);
        Assert.Equal(("dead", "true", new BulkSubscribe(20, TimeSpan.FromSeconds(1))), (latest.DeadLetterTopic, latest.Metadata["rawPayload"], latest.Bulk));
    }

    [Fact]
    public void A_subscription_for_all_is_left_out_for_an_app_that_does_not_see_its_broker()
    {
        (string, string)[] files =
        [
            ("bus.yaml", Broker + "\nscopes: [web]"),
            ("s.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Subscription\nspec: {pubsubname: bus, topic: t, route: /t}"),
        ];

        Assert.Single(For("web", files).Subscriptions);
        Assert.Empty(For("other", files).Subscriptions);
        Assert.Empty(_findings.Errors);
    }

    [Fact]
    public void Resiliency_policies_and_targets_are_read()
    {
        var file = Assert.Single(For("web", ("r.yaml", """
            apiVersion: dapr.io/v1alpha1
            kind: Resiliency
            metadata: {name: calm}
            spec:
              policies:
                timeouts: {general: 5s, quick: 250}
                retries:
                  always: {policy: constant, duration: 500ms}
                  growing: {policy: exponential, maxInterval: 15s, maxRetries: 8, matching: {httpStatusCodes: "429,500-599"}}
              targets:
                apps: {backend: {timeout: general, retry: growing}}
                actors: {Route: {timeout: quick, circuitBreakerScope: both}}
                components:
                  bus: {inbound: {retry: always, timeout: general}, outbound: {retry: growing}}
            """)).Resiliency);

        Assert.Empty(_findings.Errors);
        Assert.Empty(_findings.Warnings);
        Assert.Equal((5000.0, 250.0), (file.Timeouts["general"].TotalMilliseconds, file.Timeouts["quick"].TotalMilliseconds));
        Assert.Equal(new RetryPolicy { Duration = TimeSpan.FromMilliseconds(500) }, file.Retries["always"]);
        Assert.Equal(
            new RetryPolicy { Exponential = true, Duration = TimeSpan.FromMilliseconds(500), MaxInterval = TimeSpan.FromSeconds(15), MaxRetries = 8, HttpStatusCodes = "429,500-599" },
            file.Retries["growing"]);
        Assert.Equal(new PolicyNames("general", "growing"), file.Apps["backend"]);
        Assert.Equal(new PolicyNames("quick", null), file.Actors["Route"]);
        Assert.Equal(new PolicyNames("general", "always"), file.Inbound["bus"]);
        Assert.Equal(new PolicyNames(null, "growing"), file.Outbound["bus"]);
    }

    [Theory]
    [InlineData("kind: Component\nmetadata: {name: cache}\nspec: {type: state.redis, version: v1, metadata: []}", "a.yaml:4: component cache: the type 'state.redis' is not supported by the embedded sidecar", "dapr run -f")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: state.sqlite, version: v1, metadata: []}", "component s: the metadata 'connectionString' of state.sqlite is missing", "connectionString")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: secretstores.local.file, version: v1}", "the metadata 'secretsFile' of secretstores.local.file is missing", "secretsFile")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: state.sqlite, version: v1, metadata: [{name: connectionString, value: a.db}, {name: busyTimeout, value: soon}]}", "'busyTimeout' is 'soon', which is no duration", "500ms")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: state.in-memory, version: v7}", "there is no version 'v7' of state.in-memory", "v1")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: state.in-memory}", "'version' is missing", "v1")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {version: v1}", "'type' is missing", "type")]
    [InlineData("kind: Component\nmetadata: {name: s}", "'spec' is missing", "spec")]
    [InlineData("kind: Component\nspec: {type: state.in-memory, version: v1}", "a component without a name", "name")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: state.in-memory, version: v1, metadata: {a: b}}", "'metadata' is a mapping. It must be a list of mappings", "list")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: state.in-memory, version: v1, metadata: [{value: b}]}", "'name' is missing", "name")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: state.in-memory, version: v1, metadata: [{name: a, envRef: DAPR_API_TOKEN}]}", "may not read the variable 'DAPR_API_TOKEN'", "another")]
    [InlineData("kind: Component\nmetadata: {name: s}\nspec: {type: state.in-memory, version: v1, metadata: [{name: a, secretKeyRef: {name: x}}]}", "no secret store is named", "auth")]
    [InlineData("kind: Component\nmetadata: {name: s}\nauth: {secretStore: vault}\nspec: {type: state.in-memory, version: v1, metadata: [{name: a, secretKeyRef: {name: x}}]}", "the secret store 'vault' is not known to app web", "vault")]
    [InlineData("kind: Subscription\nmetadata: {name: s}\nspec: {pubsubname: bus, topic: t, route: /t}", "subscription s: the pub/sub component 'bus' is not known to app web", "pubsubname")]
    [InlineData("kind: Subscription\nmetadata: {name: s}\nspec: {pubsubname: bus, topic: t}", "'route' is missing", "route")]
    [InlineData("kind: Subscription\nmetadata: {name: s}\nspec: {topic: t, route: /t}", "'pubsubname' is missing", "component")]
    [InlineData("kind: Subscription\nmetadata: {name: s}\nspec: {pubsubname: bus, topic: t, route: /t, routes: {rules: [{match: event.type ==, path: /t}]}}", "is no condition", "CEL")]
    [InlineData("kind: Resiliency\nmetadata: {name: r}\nspec: {policies: {timeouts: {t: 5 sec}}}", "resiliency r: 't' is '5 sec', which is no duration", "500ms")]
    [InlineData("kind: Resiliency\nmetadata: {name: r}\nspec: {policies: {retries: {p: {policy: linear}}}}", "retry policy p: there is no retry policy 'linear'", "exponential")]
    [InlineData("kind: Resiliency\nmetadata: {name: r}\nspec: {policies: {retries: {p: {duration: x}}}}", "'duration' is 'x', which is no duration", "500ms")]
    [InlineData("kind: Resiliency\nmetadata: {name: r}\nspec: {policies: {retries: {p: {maxRetries: many}}}}", "'maxRetries' is 'many'", "number")]
    [InlineData("kind: Resiliency\nmetadata: {name: r}\nspec: {policies: {retries: {p: {matching: {httpStatusCodes: 5xx}}}}}", "'5xx' is no list of status codes", "500-599")]
    [InlineData("kind: [Component", "broken YAML", "Correct")]
    public void An_error_names_file_name_and_remedy(string yaml, string expected, string remedy)
    {
        var version = yaml.Contains("routes:", StringComparison.Ordinal) ? "v2alpha1" : "v1alpha1";
        For("web", ("a.yaml", $"apiVersion: dapr.io/{version}\n{yaml}"));

        var error = Assert.Single(_findings.Errors);
        Assert.Contains("a.yaml:", error);
        Assert.Contains(expected, error);
        Assert.Contains(remedy, error[error.IndexOf(expected, StringComparison.Ordinal)..]);
    }

    [Fact]
    public void A_name_may_be_used_once_per_app()
    {
        For("web", ("a.yaml", Store), ("b.yaml", Store), ("c.yaml", Broker + "\nscopes: [web]"), ("d.yaml", Broker + "\nscopes: [other]"));

        Assert.Matches(@"b\.yaml:3: component store: the name is used a second time, after .*a\.yaml:3\. Give", Assert.Single(_findings.Errors));
    }

    [Fact]
    public void Two_actor_state_stores_are_one_too_many()
    {
        var yaml = Store.Replace("value: a.db}]", "value: a.db}, {name: actorStateStore, value: 'true'}]", StringComparison.Ordinal);
        For("web", ("a.yaml", yaml), ("b.yaml", yaml.Replace("name: store", "name: second", StringComparison.Ordinal)));

        Assert.Contains("component second: a second actor state store for app web, after 'store'", Assert.Single(_findings.Errors));
    }

    [Fact]
    public void An_unsupported_component_with_ignoreErrors_is_left_out()
    {
        var resources = For("web", ("a.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: x}\nspec: {type: state.redis, version: v1, ignoreErrors: true}"));

        Assert.Empty(resources.Components);
        Assert.Empty(_findings.Errors);
        Assert.Contains("'state.redis' is not supported", Assert.Single(_findings.Warnings));
    }

    [Fact]
    public void What_is_no_error_and_yet_has_no_effect_is_warned_of()
    {
        For(
            "web",
            ("a.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Componnt\nmetadata: {name: x}"),
            ("b.yaml", "apiVersion: dapr.io/v2alpha1\nkind: Component\nmetadata: {name: x}"),
            ("c.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r}\nspec: {policies: {circuitBreakers: {c: {}}}, targets: {apps: {a: {retry: gone}}}}"),
            ("d.yaml", """
                apiVersion: dapr.io/v1alpha1
                kind: Resiliency
                metadata: {name: s}
                spec:
                  policies: {retries: {r: {matching: {gRPCStatusCodes: "14"}}, DaprBuiltInServiceRetries: {maxRetries: 9}, DaprBuiltInActorRetries: {maxRetries: 9}}}
                  targets: {components: {vault: {outbound: {retry: r}}}}
                ---
                apiVersion: dapr.io/v1alpha1
                kind: Component
                metadata: {name: vault}
                spec: {type: secretstores.local.env, version: v1}
                """));

        Assert.Empty(_findings.Errors);
        Assert.Collection(
            _findings.Warnings,
            w => Assert.Contains("the kind 'Componnt' is not known", w),
            w => Assert.Contains("Component has no apiVersion 'dapr.io/v2alpha1'", w),
            w => Assert.Contains("no circuit breakers", w),
            w => Assert.Contains("the policy 'gone', which this file does not define", w),
            w => Assert.Contains("gRPCStatusCodes is ignored", w),
            w => Assert.Contains("no use for DaprBuiltInServiceRetries", w),
            w => Assert.Contains("the outbound policy of 'vault' has no effect", w));
    }

    public void Dispose() => _folder.Dispose();

    private Resources For(string app, params (string Name, string Text)[] files)
    {
        foreach (var (name, text) in files)
        {
            _folder.Write(Path.Combine("components", name), text);
        }

        return new ResourceFolders(_findings).For(app, _folder.Location, [_folder.At("components")]);
    }
}
