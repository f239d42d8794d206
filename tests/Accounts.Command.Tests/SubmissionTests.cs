using Accounts.Domain;
using EventLog;
using Microsoft.AspNetCore.Http;

namespace Accounts.Command.Tests;

/// <summary>What headers and content become on the way to the log.</summary>
public class SubmissionTests
{
    private readonly Dictionary<string, string[]> _wrong = [];

    [Theory]
    [InlineData("open-1", "open-1")]
    [InlineData("\"open-1\"", "open-1")]
    [InlineData("\"two words\"", "two words")]
    [InlineData("\"a\\\"b\\\\c\"", "a\"b\\c")]
    public void A_key_is_the_same_bare_or_quoted_and_can_be_sent_back(string header, string key)
    {
        Assert.Equal(key, Read("Idempotency-Key", header).Key);
        Assert.Equal(key, Read("Idempotency-Key", CommandHeaders.Write(key)).Key);
        Assert.Empty(_wrong);
    }

    [Theory]
    [InlineData("\"3\"", 3L)]
    [InlineData("\"0\"", 0L)]
    [InlineData("\"03\"", long.MaxValue)]
    [InlineData("\"other\"", long.MaxValue)]
    public void An_ETag_names_a_version_or_one_that_never_was(string header, long version)
    {
        Assert.Equal(ExpectedVersion.Exactly(version), Read("If-Match", header).Expected);
        Assert.Empty(_wrong);
    }

    [Fact]
    public void A_star_asks_only_that_the_account_exists() => Assert.Equal(ExpectedVersion.Exists, Read("If-Match", "*").Expected);

    [Fact]
    public void Two_keys_are_none()
    {
        Assert.Null(Read("Idempotency-Key", "a", "b").Key);
        Assert.Contains("Idempotency-Key", _wrong.Keys);
    }

    [Fact]
    public void Fingerprints_are_of_the_command_and_its_content_however_it_was_written()
    {
        string[] bodies = ["", "{}", """{"reason":null}""", """{ "if": {} }""", """{"reason":"a","if":{"status":"ACCOUNT_ACTIVE"}}""", """{"if":{"status":"ACCOUNT_ACTIVE"},"reason":"\u0061"}""", """{"reason":"b"}"""];
        var confirms = bodies.Select(body => Fingerprint("confirm", body)).ToList();

        Assert.Single(confirms[..4].Distinct());
        Assert.Equal(confirms[4], confirms[5]);
        Assert.Equal(3, confirms.Distinct().Count());
        Assert.NotEqual(Fingerprint("confirm", ""), Fingerprint("activate", ""));
    }

    private string Fingerprint(string name, string body)
    {
        var command = CommandBodies.ReadChange(name, System.Text.Encoding.UTF8.GetBytes(body), _wrong);
        Assert.Empty(_wrong);
        return new CommandHeaders(null, null, "c", null).Submission("123456", command!).Fingerprint;
    }

    private CommandHeaders Read(string header, params string[] values)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers[header] = values;
        return CommandHeaders.Read(context, _wrong);
    }
}
