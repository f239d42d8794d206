using System.Text;
using System.Text.Json;

namespace EventLog.Tests.Storage;

/// <summary>
/// The storage format, byte for byte: logs are kept for ever, and replicas of two versions work on one. A test that fails here
/// says that existing logs could no longer be read, or that their accounts would be looked for elsewhere.
/// </summary>
public sealed class FormatTests
{
    private const string Full =
        """{"batch":"b1","before":"aa","commands":[{"causation":"cause","correlation":"corr","events":[{"data":{"a":1},"name":"OPENED","ordinal":7,"schema":1,"version":1},{"data":{},"name":"CLOSED","ordinal":7,"schema":2,"version":2}],"fingerprint":"f","id":"i","keyed":true,"outcome":"appended","position":9,"state":{"z":"é"},"stream":"S-1","trace":"00-t","version":2},{"correlation":"corr","fingerprint":"f","id":"j","outcome":"refused","position":9,"refusal":"taken","stream":"S-2","version":0}],"partition":3,"position":9,"time":1481351048967,"whole":"0350a444681843ddf1afbba22138d98b"}""";

    private const string Minimal =
        """{"batch":"b","before":"","commands":[{"correlation":"c","fingerprint":"f","id":"i","outcome":"already-so","position":1,"stream":"S","version":0}],"partition":0,"position":1,"time":1,"whole":"824cb31ef918cb76ed296379f65bf271"}""";

    private const string FullSnapshot =
        """{"position":9,"version":2,"ordinal":7,"state":{"z":1},"keyed":[{"id":"i","fingerprint":"f","outcome":"appended","state":{"z":1},"version":2,"position":9},{"id":"j","fingerprint":"f","outcome":"refused","refusal":"taken","version":2,"position":9}],"unread":[{"name":"LATER","schema":3,"data":{"b":2},"version":3}]}""";

    private const string MinimalSnapshot = """{"position":9,"version":0,"ordinal":0,"keyed":[],"unread":[]}""";

    [Theory]
    [InlineData(Full, 3, 9)]
    [InlineData(Minimal, 0, 1)]
    public void A_record_is_written_and_read_in_its_pinned_form(string pinned, int partition, long position)
    {
        var bytes = Encoding.UTF8.GetBytes(pinned);
        var record = StoredRecord.Read(bytes, new LogPosition(partition, position));

        Assert.Equal(pinned, Encoding.UTF8.GetString(record.Write()));
        Assert.True(StoredRecord.IsWhole(bytes));
    }

    [Theory]
    [InlineData(FullSnapshot)]
    [InlineData(MinimalSnapshot)]
    public void A_snapshot_is_written_and_read_in_its_pinned_form(string pinned) =>
        Assert.Equal(pinned, Encoding.UTF8.GetString(StoredSnapshot.Read(Encoding.UTF8.GetBytes(pinned)).Write()));

    [Fact]
    public void Head_and_log_are_written_and_read_in_their_pinned_form()
    {
        const string head = """{"position":9,"digest":"aa","time":1481351048967,"streams":7}""";
        Assert.Equal(head, Encoding.UTF8.GetString(Head.Read(Encoding.UTF8.GetBytes(head)).Write()));

        const string log = """{"format":1,"partitions":8,"id":"log-1"}""";
        Assert.Equal(log, Encoding.UTF8.GetString(JsonSerializer.Deserialize(log, LogJson.Default.LogFile)!.Write()));
        Assert.Equal(1, LogFile.CurrentFormat);
    }

    [Fact]
    public void The_names_of_outcomes_are_pinned() => Assert.Equal(
        ["appended", "already-so", "refused", "version-mismatch", "key-reused", "stopped"],
        Enum.GetValues<OutcomeKind>().Select(OutcomeNames.Of));

    [Fact]
    public void Keys_are_pinned()
    {
        Assert.Equal("log", Keys.Log);
        Assert.Equal("{3}.r.118", Keys.Record(3, 118));
        Assert.Equal("{3}.head", Keys.Head(3));
        Assert.Equal("{3}.s.AB-1", Keys.Snapshot(3, "AB-1"));
        Assert.Equal("{0}.s.A.62.2e.20.c3.a9", Keys.Snapshot(0, "Ab. é"));
    }

    [Fact]
    public void No_two_keys_differ_only_by_case()
    {
        string[] names = ["ab", "AB", "Ab", "aB", ".61B", ".61b", "A.62", "a", "A", ".61", "é", "É", "e", "E", " ", "-", ""];
        var keys = names.Select(name => Keys.Snapshot(0, name)).ToList();
        Assert.Equal(keys.Count, keys.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(keys, key => Assert.Matches("^[A-Za-z0-9.{}-]*$", key));
    }

    /// <summary>A stream that were looked for in another partition would be a second stream of the same name.</summary>
    [Theory]
    [InlineData("123456", 1, 1, 657)]
    [InlineData("A", 3, 3, 475)]
    [InlineData("ACC-000001", 2, 2, 714)]
    [InlineData("ACC-000002", 1, 5, 253)]
    [InlineData("ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ", 3, 3, 35)]
    [InlineData("-", 2, 6, 694)]
    [InlineData("é", 3, 3, 683)]
    [InlineData("", 1, 5, 149)]
    public void The_partition_of_a_stream_is_pinned(string stream, int of4, int of8, int of1024) =>
        Assert.Equal((of4, of8, of1024), (Keys.PartitionOf(stream, 4), Keys.PartitionOf(stream, 8), Keys.PartitionOf(stream, 1024)));
}
