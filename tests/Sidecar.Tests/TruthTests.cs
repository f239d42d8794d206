using Sidecar.Configuration;

namespace Sidecar.Tests;

public sealed class TruthTests
{
    [Theory]
    [InlineData("true", true, true)]
    [InlineData("True", true, true)]
    [InlineData("TRUE", true, true)]
    [InlineData("t", true, true)]
    [InlineData("T", true, true)]
    [InlineData("1", true, true)]
    [InlineData("tRuE", null, true)]
    [InlineData(" true ", null, true)]
    [InlineData("yes", null, true)]
    [InlineData("Y", null, true)]
    [InlineData("On", null, true)]
    [InlineData("false", false, false)]
    [InlineData("False", false, false)]
    [InlineData("FALSE", false, false)]
    [InlineData("f", false, false)]
    [InlineData("F", false, false)]
    [InlineData("0", false, false)]
    [InlineData("fAlSe", null, false)]
    [InlineData("no", null, false)]
    [InlineData("2", null, false)]
    [InlineData("", null, false)]
    [InlineData(null, null, false)]
    public void Go_and_Dapr_differ_on_what_is_true(string? text, bool? parsed, bool truthy)
    {
        Assert.Equal((parsed, truthy), (Truth.Parse(text), Truth.IsTruthy(text)));
        Assert.Equal((truthy, false), (Component("state.in-memory", text).IsActorStateStore, Component("pubsub.in-memory", text).IsActorStateStore));
    }

    private static Component Component(string type, string? marked) => new()
    {
        Name = "c",
        Type = type,
        Version = "v1",
        File = "c.yaml",
        Metadata = marked is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["ACTORstateStore"] = marked },
    };
}
