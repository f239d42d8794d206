using System.Text.Json;
using Sidecar.PubSub;

namespace Sidecar.Tests;

public sealed class CelTests
{
    private static readonly JsonElement Event = JsonDocument.Parse(
        """
        {"type":"order.created.v1","source":"shop","data":{"x":6,"name":"héllo","flag":true,"tags":["a","b"],"amount":"12000",
         "nothing":null,"deep":{"y":1.5}}}
        """).RootElement;

    [Theory]
    [InlineData("event.type == \"order.created.v1\"")]
    [InlineData("event.type == 'order.created.v1' && event.data.x > 5")]
    [InlineData("event.data.x >= 6 && event.data.x <= 6.0 && event.data.x != 7")]
    [InlineData("!(event.data.x < 6)")]
    [InlineData("event.type in [\"a\", \"order.created.v1\"]")]
    [InlineData("\"b\" in event.data.tags")]
    [InlineData("\"deep\" in event.data")]
    [InlineData("has(event.data.name) && !has(event.data.nobody)")]
    [InlineData("event.type.startsWith(\"order.\") && event.type.endsWith(\".v1\") && event.type.contains(\"created\")")]
    [InlineData("event.type.matches(\"^order\\\\.[a-z]+\")")]
    [InlineData("size(event.data.tags) == 2 && event.data.name.size() == 5")]
    [InlineData("event.type == 'x' || event.data.flag")]
    [InlineData("event.data.absent == 1 || event.data.flag")]
    [InlineData("event.data.flag || event.data.absent == 1")]
    [InlineData("!(event.data.absent == 1 && false)")]
    [InlineData("int(event.data.amount) > 10000")]
    [InlineData("event.data[\"x\"] == 6 && event.data.tags[1] == 'b'")]
    [InlineData("event.data.nothing == null")]
    [InlineData("event.data.deep.y + 1.5 == 3")]
    [InlineData("(event.data.flag ? 'yes' : 'no') == 'yes'")]
    [InlineData("event.data.x == 6 && -1 < 0 && 7 % 4 == 3")]
    public void Holds(string rule) => Assert.True(Route.Parse(rule, "p").Matches(Event));

    [Theory]
    [InlineData("event.type == \"other\"")]
    [InlineData("event.type == 5")]
    [InlineData("event.absent == 1 && false")]
    [InlineData("event.data.x > 6")]
    [InlineData("\"c\" in event.data.tags")]
    public void Does_not_hold(string rule) => Assert.False(Route.Parse(rule, "p").Matches(Event));

    [Theory]
    [InlineData("event.data.absent == 1")]
    [InlineData("event.data.name > 5")]
    [InlineData("event.data.x")]
    [InlineData("nothing == 1")]
    [InlineData("has(event.absent.member)")]
    [InlineData("event.type.matches(\"(\")")]
    public void Fails_on_the_event(string rule)
    {
        var route = Route.Parse(rule, "p");

        Assert.Throws<CelException>(() => route.Matches(Event));
    }

    [Theory]
    [InlineData("event.type ==")]
    [InlineData("event.type == \"x")]
    [InlineData("(event.type")]
    [InlineData("event.type = 'x'")]
    [InlineData("event.unknown()")]
    [InlineData("frobnicate(event)")]
    [InlineData("event.type == 'x' event")]
    [InlineData("has(event)")]
    public void Cannot_be_parsed(string rule) => Assert.Throws<CelException>(() => Route.Parse(rule, "p"));

    [Fact]
    public void An_empty_rule_takes_everything() => Assert.True(Route.Parse("  ", "p").Matches(Event));
}
