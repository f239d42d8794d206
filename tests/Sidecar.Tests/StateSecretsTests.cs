using Sidecar.Configuration;
using Sidecar.Secrets;
using Sidecar.Server;
using TestSupport;

namespace Sidecar.Tests;

public sealed class StateSecretsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<ComponentException> _problems = [];

    [Fact]
    public void Nested_secrets_of_a_file_have_their_path_as_name()
    {
        var secrets = Open("""{"plain":"p","redis":{"password":"r","more":{"n":1}},"list":["a","b"]}""");

        Assert.Equal("p", secrets.Get("file", "plain")["plain"]);
        Assert.Equal("r", secrets.Get("file", "redis:password")["redis:password"]);
        Assert.Equal("1", secrets.Get("file", "redis:more:n")["redis:more:n"]);
        Assert.Equal("b", secrets.Get("file", "list:1")["list:1"]);
        Assert.Equal(5, secrets.GetAll("file").Count);
        Assert.Equal("ERR_SECRET_GET", Assert.Throws<DaprFault>(() => secrets.Get("file", "none")).Error.Code);
    }

    [Fact]
    public void With_several_values_per_secret_the_top_level_names_the_secrets()
    {
        var secrets = Open("""{"plain":"p","redis":{"password":"r","more":{"n":1}}}""", ("multiValued", "true"), ("nestedSeparator", "."));

        Assert.Equal("p", secrets.Get("file", "plain")["plain"]);
        Assert.Equal(["more.n", "password"], secrets.Get("file", "redis").Keys.Order());
    }

    [Fact]
    public void The_environment_never_shows_tokens_of_Dapr()
    {
        Environment.SetEnvironmentVariable("STATE_SECRETS_TEST", "value");
        Environment.SetEnvironmentVariable("DAPR_STATE_SECRETS_TEST", "token");
        var secrets = new SecretStores([Component("env", "secretstores.local.env")], _problems);

        Assert.Equal("value", secrets.Get("env", "STATE_SECRETS_TEST")["STATE_SECRETS_TEST"]);
        Assert.Equal("", secrets.Get("env", "DAPR_STATE_SECRETS_TEST")["DAPR_STATE_SECRETS_TEST"]);
        Assert.Equal("", secrets.Get("env", "NOT_SET_AT_ALL")["NOT_SET_AT_ALL"]);
        Assert.DoesNotContain("DAPR_STATE_SECRETS_TEST", secrets.GetAll("env").Keys);
    }

    [Fact]
    public void A_component_gets_its_secrets_and_a_missing_one_is_a_problem()
    {
        var secrets = Open("""{"path":"states.db"}""");
        var component = Component("store", "state.sqlite") with
        {
            SecretStore = "file",
            Secrets = new Dictionary<string, SecretReference> { ["connectionString"] = new("path", "path"), ["tableName"] = new("none", "") },
        };

        var resolved = secrets.Resolve(component, _problems);

        Assert.Equal("states.db", resolved.Metadata["connectionstring"]);
        Assert.Contains("'none'", Assert.Single(_problems).Message, StringComparison.Ordinal);
        secrets.Resolve(component with { SecretStore = "nowhere" }, _problems);
        Assert.Contains("'nowhere'", _problems[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_a_problem()
    {
        Open("{nope");

        Assert.Contains("cannot be read", Assert.Single(_problems).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private SecretStores Open(string json, params (string Name, string Value)[] metadata) =>
        new([Component("file", "secretstores.local.file", [("secretsFile", _folder.Write("secrets.json", json)), .. metadata])], _problems);

    private static Component Component(string name, string type, params (string Name, string Value)[] metadata) => new()
    {
        Name = name,
        Type = type,
        Version = "v1",
        File = "components.yaml",
        Metadata = metadata.ToDictionary(m => m.Name, m => m.Value, StringComparer.OrdinalIgnoreCase),
    };
}
