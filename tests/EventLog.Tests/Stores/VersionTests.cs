using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EventLog.Tests.Simulation;
using TestSupport;

namespace EventLog.Tests.Stores;

/// <summary>Replicas of an older and a newer version on one log, as during every roll-out.</summary>
[Collection(OnRealStores.Name)]
public sealed class VersionTests(StoresFixture fixture)
{
    private static readonly Decider<Tally, TallyCommand, TallyEvent> Newer = Tallies.Decider with
    {
        Read = stored => Tallies.Decider.Read(stored with { Name = stored.Name is "STRANGE" ? "ADDED" : stored.Name }),
    };

    [Fact]
    public async Task A_stream_with_an_event_that_this_version_does_not_know_is_stopped_alone_and_goes_on_with_one_that_does()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), NewId());
        await using (var newer = await OpenLog.StartAsync(store, Newer))
        {
            await newer.SubmitAsync("S-1", "open");
            await newer.SubmitAsync("S-1", "strange");
            await newer.SubmitAsync("S-2", "open");
        }

        await using (var older = await OpenLog.StartAsync(store))
        {
            Assert.Equal(OutcomeKind.Stopped, (await older.SubmitAsync("S-1", "add", key: "k")).Kind);
            Assert.Equal(OutcomeKind.Appended, (await older.SubmitAsync("S-2", "add")).Kind);
            await Eventually.True(() => Covered(store, 4), "the older version has saved snapshots of all");
        }

        await using (var older = await OpenLog.StartAsync(store))
        {
            Assert.Equal(OutcomeKind.Stopped, (await older.SubmitAsync("S-1", "add", key: "k")).Kind);
            Assert.Equal(3, (await older.SubmitAsync("S-2", "add")).Version);
        }

        await using var again = await OpenLog.StartAsync(store, Newer);
        var added = await again.SubmitAsync("S-1", "add", key: "k");
        Assert.Equal((OutcomeKind.Appended, 3L), (added.Kind, added.Version));
    }

    [Fact]
    public async Task A_record_with_members_that_this_version_does_not_know_is_kept_and_its_digest_still_fits()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), NewId());
        await using (var first = await OpenLog.StartAsync(store))
        {
            await first.SubmitAsync("S-1", "open");
        }

        // A newer version writes the next record, with a member more in each of its parts.
        var before = (await store.ReadAsync(Keys.Record(0, 1), TestContext.Current.CancellationToken))!.Value.Value;
        var record = JsonNode.Parse(before.Span)!;
        (record["batch"], record["before"], record["position"]) = ("newer", StoredRecord.Digest(before.Span), 2);
        var command = record["commands"]![0]!;
        (command["id"], command["position"], command["version"], command["later"]) = ("c-2", 2, 2, "x");
        command.AsObject().Remove("state");
        var happened = command["events"]![0]!;
        (happened["name"], happened["version"], happened["data"]!["Later"], happened["later"]) = ("ADDED", 2, 1, true);
        record["later"] = "all";
        await store.CreateAsync(Keys.Record(0, 2), Whole(record), TestContext.Current.CancellationToken);

        await using (var older = await OpenLog.StartAsync(store))
        {
            Assert.Equal(3, (await older.SubmitAsync("S-1", "add")).Version);
        }

        var verifier = new LogVerifier(store);
        var verified = new VerifiedPartition { Partition = 0 };
        await verifier.VerifyAsync((await verifier.FindLogAsync(CancellationToken.None))!, verified, () => { }, CancellationToken.None);
        Assert.Equal((3L, 3L), (verified.Position, verified.Events));
        var kept = (await store.ReadAsync(Keys.Record(0, 2), TestContext.Current.CancellationToken))!.Value.Value;
        Assert.Contains("\"later\":\"all\"", Encoding.UTF8.GetString(kept.Span), StringComparison.Ordinal);
    }

    private static async Task<bool> Covered(PrefixedStore store, long position) =>
        await store.ReadAsync(Keys.Head(0), CancellationToken.None) is { } head && Head.Read(head.Value).Position >= position;

    /// <summary>The record in the one form, with the digest of itself at the end.</summary>
    private static byte[] Whole(JsonNode record)
    {
        record.AsObject().Remove("whole");
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, CanonicalJson.Options))
        {
            CanonicalJson.Write(json, JsonSerializer.SerializeToElement(record));
        }

        var open = buffer.WrittenSpan[..^1];
        return [.. open, .. Encoding.UTF8.GetBytes($",\"whole\":\"{StoredRecord.Digest(open)}\"}}")];
    }

    private static string NewId() => Guid.NewGuid().ToString("N");
}
