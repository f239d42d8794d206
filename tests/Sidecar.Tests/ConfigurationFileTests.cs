using Sidecar.Configuration;
using Sidecar.Invocation;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>Files of <c>kind: Configuration</c>, and which of them an app gets.</summary>
public sealed class ConfigurationFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Findings _findings = new();

    [Fact]
    public void What_an_app_may_use_and_who_may_call_it_is_read()
    {
        Environment.SetEnvironmentVariable("SIDECAR_TEST_DOMAIN", "from-env");
        var read = Read("""
            apiVersion: dapr.io/v1alpha1
            kind: Configuration
            metadata: {name: web}
            spec:
              tracing: {samplingRate: "1", otel: {endpointAddress: "localhost:4317", isSecure: false, protocol: grpc}}
              metrics: {enabled: true}
              mtls: {enabled: true}
              api:
                allowed: [{name: state, version: v1, protocol: grpc}]
                denied: [{name: shutdown, version: v1, protocol: http}]
              accessControl:
                defaultAction: deny
                trustDomain: ${SIDECAR_TEST_DOMAIN}
                policies:
                  - appId: other
                    trustDomain: $SIDECAR_TEST_DOMAIN
                    namespace: default
                    operations: [{name: /things/*, httpVerb: [GET, PUT], action: allow}]
            """);

        Assert.Empty(_findings.Errors);
        Assert.Empty(_findings.Warnings);
        Assert.Equal([new ApiRule("state", "v1", "grpc")], read.Allowed);
        Assert.Equal([new ApiRule("shutdown", "v1", "http")], read.Denied);
        Assert.True(read.MutualTls);
        Assert.Equal((false, "from-env"), (read.Access!.AllowByDefault, read.Access.TrustDomain));
        var policy = Assert.Single(read.Access.Policies);
        Assert.Equal(("other", "from-env", "default", null), (policy.AppId, policy.TrustDomain, policy.Namespace, policy.AllowByDefault));
        var operation = Assert.Single(policy.Operations);
        Assert.Equal(("/things/*", true), (operation.Path, operation.Allow));
        Assert.Equal(["GET", "PUT"], operation.Verbs);
    }

    [Theory]
    [InlineData("api: {allowed: [{name: state, version: v1}]}", "'protocol' is missing")]
    [InlineData("accessControl: {defaultAction: perhaps}", "'defaultAction' is 'perhaps'")]
    [InlineData("accessControl: {policies: [{appId: a, namespace: default}]}", "'trustDomain' is missing")]
    [InlineData("accessControl: {policies: [{appId: a, trustDomain: public}]}", "'namespace' is missing")]
    public void What_would_not_do_what_it_says_is_an_error(string spec, string error)
    {
        Read($"kind: Configuration\nmetadata: {{name: web}}\nspec:\n  {spec}");

        Assert.Contains(error, Assert.Single(_findings.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("httpPipeline: {handlers: []}", "has no 'httpPipeline'")]
    [InlineData("secrets: {scopes: []}", "has no 'secrets'")]
    [InlineData("acessControl: {defaultAction: deny}", "'acessControl' is not known")]
    public void What_is_not_honoured_is_warned_of(string spec, string warning)
    {
        Read($"kind: Configuration\nmetadata: {{name: web}}\nspec:\n  {spec}");

        Assert.Empty(_findings.Errors);
        Assert.Contains(warning, Assert.Single(_findings.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_apps_own_file_counts_before_that_in_its_folder_before_the_common_one()
    {
        foreach (var place in new[] { "own", "common", "web/.dapr/config", "in-folder/.dapr/config" })
        {
            _folder.Write($"{place}.yaml", $"kind: Configuration\nspec: {{accessControl: {{trustDomain: {place.Split('/')[0]}}}}}");
        }

        Directory.CreateDirectory(_folder.At("plain"));
        var file = _folder.Write("dapr.yaml", """
            version: 1
            common: {configFilePath: common.yaml}
            apps:
              - {appDirPath: web, configFilePath: ../own.yaml}
              - {appDirPath: in-folder}
              - {appDirPath: plain}
            """);

        var apps = RunFile.Read(file, ownResources: true, _findings)!.Apps;

        Assert.Empty(_findings.Errors);
        Assert.Equal(["own", "in-folder", "common"], apps.Select(a => a.Spec.Configuration.Access!.TrustDomain));
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_error()
    {
        Directory.CreateDirectory(_folder.At("web"));
        RunFile.Read(_folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: web, configFilePath: none.yaml}]"), ownResources: true, _findings);

        Assert.Contains($"the configuration file '{_folder.At("web", "none.yaml")}' does not exist", Assert.Single(_findings.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/accounts/**/commands/*", "/v1/accounts/T-1/commands/confirm", true)]
    [InlineData("/v1/accounts/**/commands/*", "/V1/Accounts/T-1/Commands/confirm", true)]
    [InlineData("/v1/accounts/**/commands/*", "/v1/accounts", false)]
    [InlineData("/v1/accounts/**/commands/*", "/v1/accounts/T-1", false)]
    [InlineData("/v1/accounts/**/commands/*", "/v1/accounts/T-1/x/commands/confirm", false)]
    [InlineData("/v1/accounts/*/commands/*", "/v1/accounts/T-1/commands/confirm", false)]
    [InlineData("/v1/accounts/*", "/v1/accounts/T-1", true)]
    [InlineData("/v1/**", "/v1/accounts/T-1", true)]
    [InlineData("v1/acc*/t", "/v1/accounts/t", true)]
    [InlineData("/v1", "/v1/accounts", true)]
    [InlineData("/v1", "/v2", false)]
    public void Paths_are_found_as_Dapr_finds_them(string operation, string path, bool found) =>
        Assert.Equal(found, new OperationTree([new AccessOperation(operation, ["*"], true)]).Find(path) is not null);

    public void Dispose() => _folder.Dispose();

    private AppConfiguration Read(string text) => ConfigurationDocument.Read(_folder.Write("configuration.yaml", text), _findings);
}
