using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace SystemTests;

/// <summary>What a service answered.</summary>
public sealed record Answer(int Status, ImmutableDictionary<string, string> Headers, string Text, TimeSpan Took)
{
    private const string ProblemPrefix = "urn:accounts:problem:";

    public JsonElement Json => JsonElement.Parse(Text);

    /// <summary>A header; null when it is missing.</summary>
    public string? this[string header] => Headers.GetValueOrDefault(header);

    /// <summary>The version that the ETag names; 0 without one.</summary>
    public long Version => this["ETag"] is { } tag ? long.Parse(tag.Trim('"'), CultureInfo.InvariantCulture) : 0;

    public string? AccountStatus => Json.GetProperty("status").GetString();

    /// <summary>The account that was answered, without its links: those differ by service.</summary>
    public string Account => string.Join(',', Json.EnumerateObject().Where(member => member.Name != "_links").Select(member => member.ToString()));

    /// <summary>The commands that are offered, in the order in which they are.</summary>
    public IReadOnlyList<string> Offered => [.. Json.GetProperty("_links").EnumerateObject().Select(link => link.Name).Except(["self", "events"])];

    /// <summary>Fails unless this is the status.</summary>
    public Answer Is(int status)
    {
        Assert.True(status == Status, $"{status} was expected, not {Status}: {Text}");
        return this;
    }

    /// <summary>Fails unless this is such a problem, by RFC 9457 and by our own rules for all problems.</summary>
    public Answer IsProblem(int status, string type)
    {
        Is(status);
        Assert.Equal("application/problem+json", this["Content-Type"]);
        Assert.Equal(ProblemPrefix + type, Json.GetProperty("type").GetString());
        Assert.Equal(status, Json.GetProperty("status").GetInt32());
        Assert.NotEmpty(Json.GetProperty("title").GetString()!);
        Assert.NotNull(this["X-Correlation-Id"]);
        Assert.DoesNotMatch(@"   at |Exception|Accounts\.|EventLog|Dapr|\.cs\b", Text);
        return this;
    }
}
