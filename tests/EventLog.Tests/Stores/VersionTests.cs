using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
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

    // All its states and commands have a member more, which the older version does not know.
    private static readonly Decider<Tally, TallyCommand, TallyEvent> Wider = Tallies.Decider with
    {
        StateJson = WithOneMore<Tally>(),
        CommandJson = WithOneMore<TallyCommand>(),
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
            Assert.Equal(OutcomeKind.Stopped, (await older.ReadAsync("S-1")).Kind);
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
    public async Task A_stream_with_a_state_or_an_answer_that_this_version_cannot_read_is_stopped_alone_and_nothing_of_it_is_lost()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), NewId());
        await using (var newer = await OpenLog.StartAsync(store, Wider))
        {
            await newer.SubmitAsync("S-1", "open", key: "opened");
            await newer.SubmitAsync("S-1", "add", key: "added", by: 5);
        }

        // It reads what the newer version recorded; the events it knows, the answers it does not.
        await using (var older = await OpenLog.StartAsync(store))
        {
            Assert.Equal(OutcomeKind.Stopped, (await older.SubmitAsync("S-1", "add", key: "added", by: 5)).Kind);
            Assert.Equal(OutcomeKind.Appended, (await older.SubmitAsync("S-2", "open")).Kind);
        }

        await using (var newer = await OpenLog.StartAsync(store, Wider))
        {
            await newer.SubmitAsync("S-3", "open", key: "opened");
            await Eventually.True(() => Covered(store, 4), "the newer version has saved snapshots");
        }

        // It finds snapshots of the newer version, has something more to record of their streams, and saves them again.
        await using (var older = await OpenLog.StartAsync(store))
        {
            Assert.Equal(OutcomeKind.Stopped, (await older.SubmitAsync("S-3", "add", key: "k")).Kind);
            Assert.Equal(OutcomeKind.Stopped, (await older.ReadAsync("S-3")).Kind);
            Assert.Equal(OutcomeKind.Appended, (await older.SubmitAsync("S-4", "open")).Kind);
        }

        await using var again = await OpenLog.StartAsync(store, Wider);
        var repeated = await again.SubmitAsync("S-1", "add", key: "added", by: 5);
        Assert.Equal((OutcomeKind.Appended, 2L, 2L), (repeated.Kind, repeated.Version, repeated.Position.Position));
        Assert.Equal((OutcomeKind.Appended, 2L), (await again.SubmitAsync("S-3", "add", key: "k") is var added ? (added.Kind, added.Version) : default));
    }

    [Fact]
    public async Task A_snapshot_that_this_version_cannot_read_is_saved_again_as_it_was_with_what_came_after_it()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), NewId());
        await using var newer = await OpenLog.StartAsync(store, Wider);
        await newer.SubmitAsync("S-1", "open", key: "opened");
        await Eventually.True(() => Covered(store, 1), "the newer version has saved snapshots");
        await using (var older = await OpenLog.StartAsync(store))
        {
            Assert.Equal(OutcomeKind.Stopped, (await older.ReadAsync("S-1")).Kind);
            await newer.SubmitAsync("S-1", "add", by: 5);

            // The older version folds the event behind the state that it cannot read, because it wants the next position.
            Assert.Equal(3, (await older.SubmitAsync("S-2", "open")).Position.Position);
            await Eventually.True(
                async () => await store.ReadAsync(Keys.Snapshot(0, "S-1"), CancellationToken.None) is { } saved
                    && StoredSnapshot.Read(saved.Value) is { Position: >= 2, Unread.Count: 1, State: { } state } && state.TryGetProperty("More", out _),
                "the older version has saved the stream");
        }

        await using var again = await OpenLog.StartAsync(store, Wider);
        var added = await again.SubmitAsync("S-1", "add", by: 7);
        Assert.Equal((OutcomeKind.Appended, 3L, 12L), (added.Kind, added.Version, added.State!.Value));
        Assert.Equal(OutcomeKind.Appended, (await again.SubmitAsync("S-1", "open", key: "opened")).Kind);
    }

    [Fact]
    public async Task A_command_that_the_holder_of_the_route_cannot_read_is_decided_by_the_replica_that_sent_it()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), NewId());
        await using var older = await OpenLog.StartAsync(store);
        await using var newer = await OpenLog.StartAsync(store, Wider, holder: older);

        await older.SubmitAsync("S-1", "open");
        Assert.Equal((OutcomeKind.Appended, 2L), (await newer.SubmitAsync("S-1", "add") is var added ? (added.Kind, added.Version) : default));
        Assert.Equal((OutcomeKind.Appended, 3L), (await older.SubmitAsync("S-1", "add") is var next ? (next.Kind, next.Version) : default));
    }

    [Fact]
    public async Task An_answer_that_the_asking_replica_cannot_read_is_unknown_to_it_and_disturbs_no_other()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), NewId());
        await using var newer = await OpenLog.StartAsync(store, Tallies.Decider with { StateJson = WithOneMore<Tally>() });
        await using var older = await OpenLog.StartAsync(store, holder: newer);

        var unknown = await Assert.ThrowsAsync<LogUnavailableException>(() => older.SubmitAsync("S-1", "open", key: "opened"));
        Assert.False(unknown.NotDone);
        Assert.Equal((OutcomeKind.Appended, 1L), (await newer.SubmitAsync("S-1", "open", key: "opened") is var opened ? (opened.Kind, opened.Version) : default));
        Assert.Equal((OutcomeKind.Refused, "not-open"), (await older.SubmitAsync("S-2", "add") is var refused ? (refused.Kind, refused.Refusal) : default));
    }

    [Fact]
    public void States_and_commands_must_refuse_members_that_they_do_not_know()
    {
        var lenient = (JsonTypeInfo<Tally>)new JsonSerializerOptions { TypeInfoResolver = StrictTallyJson.Default }.GetTypeInfo(typeof(Tally));
        Assert.Contains("UnmappedMemberHandling", Assert.Throws<ArgumentException>(() => Tallies.Decider with { StateJson = lenient }).Message, StringComparison.Ordinal);
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

    private static JsonTypeInfo<T> WithOneMore<T>() => (JsonTypeInfo<T>)new JsonSerializerOptions
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        TypeInfoResolver = StrictTallyJson.Default.WithAddedModifier(type =>
        {
            if (type.Type == typeof(T))
            {
                var more = type.CreateJsonPropertyInfo(typeof(long), "More");
                (more.Get, more.Set) = (_ => 1L, (_, _) => { });
                type.Properties.Add(more);
            }
        }),
    }.GetTypeInfo(typeof(T));

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
