using System.Text;
using EventLog.Tests.Simulation;

namespace EventLog.Tests.Verification;

/// <summary>The verifier on logs that the simulation left, as they are and with something changed.</summary>
public sealed class VerifierTests
{
    private static readonly ScheduleSize Rough = new() { Clients = 4, CommandsPerClient = 6 };

    [Fact]
    public void Logs_that_were_written_under_all_sorts_of_trouble_are_well()
    {
        var events = 0L;
        for (var seed = 1; seed <= 40; seed++)
        {
            var verified = Verify(Schedule.Log(seed, Rough));
            Assert.All(verified, v => Assert.Null(v.Broken));
            events += verified.Sum(v => v.Events);
        }

        Assert.InRange(events, 100, long.MaxValue);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_byte_that_was_changed_in_any_record_is_named_at_its_position(int seed)
    {
        var database = Schedule.Log(seed, Rough);
        var chance = new Random(seed);
        foreach (var (key, row) in database.Rows.Where(r => r.Key.Contains(".r.", StringComparison.Ordinal)).ToList())
        {
            for (var i = 0; i < 6; i++)
            {
                var changed = row.Value.ToArray();
                var at = chance.Next(changed.Length);
                changed[at] ^= (byte)(1 << chance.Next(7));
                database.Rows[key] = row with { Value = changed };
                Assert.True(
                    Verify(database).Any(v => v.Broken is { } broken && Keys.Record(broken.Partition, broken.Position) == key),
                    $"{key}, byte {at}: {Encoding.UTF8.GetString(changed)}");
            }

            database.Rows[key] = row;
        }

        Assert.All(Verify(database), v => Assert.Null(v.Broken));
    }

    [Fact]
    public void A_record_that_is_gone_is_named_also_the_last_one_where_a_head_or_a_snapshot_speaks_of_it()
    {
        var databases = Enumerable.Range(1, 100).Select(seed => Schedule.Log(seed, Rough)).Where(d => d.Rows.ContainsKey(Keys.Head(0))).Take(3).ToList();
        Assert.Equal(3, databases.Count);
        foreach (var database in databases)
        {
            var head = Head.Read(database.Rows[Keys.Head(0)].Value);
            foreach (var key in Enumerable.Range(1, (int)head.Position).Select(position => Keys.Record(0, position)))
            {
                database.Rows.Remove(key, out var row);
                Assert.Equal(key, Verify(database)[0].Broken is { } broken ? Keys.Record(0, broken.Position) : null);
                database.Rows[key] = row;
            }
        }
    }

    [Theory]
    [InlineData("\"Value\":", "\"Value\":1")]
    [InlineData("\"version\":", "\"version\":1")]
    [InlineData("\"ordinal\":", "\"ordinal\":1")]
    [InlineData("\"state\":{\"", "\"state\":{\"_")]
    [InlineData("{", "[")]
    public void A_snapshot_that_was_changed_is_found(string find, string replace)
    {
        var database = Schedule.Log(7, Rough);
        var (key, row) = database.Rows.First(r => r.Key.Contains(".s.", StringComparison.Ordinal) && StoredSnapshot.Read(r.Value.Value) is { State: not null, Version: > 0 });
        var text = Encoding.UTF8.GetString(row.Value);
        var at = text.IndexOf(find, StringComparison.Ordinal);
        database.Rows[key] = row with { Value = Encoding.UTF8.GetBytes(text[..at] + replace + text[(at + find.Length)..]) };
        Assert.Contains(Verify(database), v => v.Broken is not null);
    }

    [Fact]
    public void A_forged_log_is_found_although_its_digests_are_right()
    {
        AssertForged(r => r with { Time = 1 }, "is older than");
        AssertForged(r => WithEvent(r, e => e with { Version = e.Version + 1 }), "brings version");
        AssertForged(r => WithEvent(r, e => e with { StreamOrdinal = e.StreamOrdinal + 9 }), "the ordinal");
        AssertForged(r => r with { Commands = [.. r.Commands.Select(c => c with { Stream = StreamOf(1) })] }, "another partition");
        AssertForged(r => r with { Commands = [.. r.Commands.Select(c => c with { Version = c.Version + 1 })] }, "another answer");
        AssertForged(r => r with { Commands = [.. r.Commands.Select(c => c with { Outcome = "refused" })] }, "another answer");
    }

    [Fact]
    public void A_keyed_command_that_took_effect_twice_is_found()
    {
        var database = new SimulatedDatabase();
        Put(database, 1, "", "open", version: 1);
        Put(database, 2, Digest(database, 1), "again", version: 2);
        Put(database, 3, Digest(database, 2), "again", version: 3);
        var broken = Verify(database)[0].Broken;
        Assert.Equal(3, broken?.Position);
    }

    private static void AssertForged(Func<StoredRecord, StoredRecord> forge, string expected)
    {
        var database = new SimulatedDatabase();
        Put(database, 1, "", "a", version: 1);
        Put(database, 2, Digest(database, 1), "b", version: 2);
        Assert.Null(Verify(database)[0].Broken);
        var row = database.Rows[Keys.Record(0, 2)];
        database.Rows[Keys.Record(0, 2)] = row with { Value = forge(StoredRecord.Read(row.Value, new LogPosition(0, 2))).Write() };
        var (_, broken, message) = Verify(database)[0];
        Assert.Equal(new LogPosition(0, 2), broken);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    private static StoredRecord WithEvent(StoredRecord record, Func<StoredStreamEvent, StoredStreamEvent> change) =>
        record with { Commands = [.. record.Commands.Select(c => c with { Events = [.. c.Events.Select(change)] })] };

    private static void Put(SimulatedDatabase database, long position, string before, string id, long version)
    {
        database.Rows[Keys.Log] = new(new LogFile(LogFile.CurrentFormat, 2, "log").Write(), 1, true);
        var stored = Tallies.Decider.Write(new TallyEvent("ADDED", 1, 5));
        var command = new StoredCommand
        {
            Id = id,
            Stream = StreamOf(0),
            Fingerprint = "f",
            Keyed = true,
            CorrelationId = "c",
            Outcome = "appended",
            Version = version,
            AnswerPosition = position,
            Events = [new StoredStreamEvent(stored, version, 1)],
        };
        database.Rows[Keys.Record(0, position)] = new(new StoredRecord(0, position, $"batch-{position}", 100 + position, before, [command]).Write(), position, true);
    }

    private static string StreamOf(int partition) => Enumerable.Range(0, 100).Select(i => $"S-{i}").First(s => Keys.PartitionOf(s, 2) == partition);

    private static string Digest(SimulatedDatabase database, long position) => StoredRecord.Digest(database.Rows[Keys.Record(0, position)].Value);

    private static List<(long Events, LogPosition? Broken, string Message)> Verify(SimulatedDatabase database)
    {
        var world = new VirtualWorld(1);
        var verifier = new LogVerifier(new SimulatedStore(world, database, () => Faults.None));
        var results = new List<(long, LogPosition?, string)>();
        world.Run(
            async () =>
            {
                var log = (await verifier.FindLogAsync(CancellationToken.None))!;
                for (var partition = 0; partition < log.Partitions; partition++)
                {
                    var verified = new VerifiedPartition { Partition = partition };
                    LogBrokenException? broken = null;
                    try
                    {
                        await verifier.VerifyAsync(log, verified, () => { }, CancellationToken.None);
                    }
                    catch (LogBrokenException e)
                    {
                        broken = e;
                    }

                    results.Add((verified.Events, broken?.Position, broken?.Message ?? ""));
                }
            },
            TimeSpan.FromHours(1));
        return results;
    }
}
