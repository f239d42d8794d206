namespace EventLog.Tests.Simulation;

/// <summary>Shows that the simulation bites: with any one rule of the log broken, some schedule finds it.</summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    private const int MostSeeds = 3000;

    public static IEnumerable<TheoryDataRow<Mutant>> Mutants() => new Mutant[]
    {
        new("A commit is create-only", "Commit.cs",
            "await store.CreateAsync(key, bytes, cancellation);",
            "await store.TransactAsync([new StateWrite(key, bytes, WriteCondition.Always)], cancellation);"),
        new("Nothing is true before its record is committed", "PartitionWriter.cs",
            "var committed = await CommitAsync(record, bytes, commands, cancellation);",
            "batch.Apply(StoredRecord.Digest(bytes), _around.Time.GetUtcNow()); var committed = await CommitAsync(record, bytes, commands, cancellation);"),
        new("No answer leaves before the commit", "PartitionWriter.cs",
            "var record = batch.Record(_around.NewId());",
            "batch.Answer(); var record = batch.Record(_around.NewId());"),
        new("Streams of other writers' records are saved too", "PartitionMemory.cs",
            "Touch(_streams[command.Stream], record.Position);",
            "Touch(_streams[command.Stream], record.Position); Saved(_streams[command.Stream], record.Position);"),
        new("An error does not tell whether a commit happened", "Commit.cs",
            "failure = e;",
            "failure = e; return false;"),
        new("A missing record after an error may still come", "Commit.cs",
            "if (read.Value is { } there)",
            "if (read.Value is null) { return false; } if (read.Value is { } there)"),
        new("An answer that nothing records is checked against the end of the log", "PartitionWriter.cs",
            "if (await _loader.ReadOnAsync(cancellation))\n                {\n                    return 0;\n                }\n\n                batch.Answer();",
            "batch.Answer();"),
        new("What is answered to a command that travelled is recorded", "Batch.cs",
            "if (events.Count == 0 && !pending.Keyed && !pending.Travelled)",
            "if (events.Count == 0 && !pending.Keyed)"),
        new("A command taken back from a route has travelled", "Lane.cs",
            "asked.ForEach(p => p.Travelled = true);",
            ""),
        new("A keyed command is recorded whatever its answer", "Batch.cs",
            "if (events.Count == 0 && !pending.Keyed && !pending.Travelled)",
            "if (events.Count == 0 && !pending.Travelled)"),
        new("Batch ids never repeat", "PartitionWriter.cs",
            "var record = batch.Record(_around.NewId());",
            "var record = batch.Record(\"same\");"),
        new("A failed item of a bulk read is not a missing one", "SimulatedStore.cs",
            "throw new IOException($\"simulated: item {key} failed\");",
            "continue;"),
        new("Nothing at or below a covered position is folded again", "PartitionMemory.cs",
            "if (record.Position <= entry.Covered)",
            "if (record.Position < 0)"),
        new("The head follows the snapshots", "SnapshotKeeper.cs",
            "await writer.SaveAsync(_captured, _covered.Position, cancellation);",
            "if (head is not null) { await writer.MoveHeadAsync(head, cancellation); } await writer.SaveAsync(_captured, _covered.Position, cancellation);"),
        new("A snapshot names no position beyond what it holds", "SnapshotKeeper.cs",
            "await writer.SaveAsync(_captured, _covered.Position, cancellation);",
            "await writer.SaveAsync(_captured, _covered.Position + 1, cancellation);"),
        new("The snapshot with the greater position wins", "SnapshotWriter.cs",
            "else if (StoredSnapshot.Read(there.Value).Position < position)",
            "else if (position > 0)"),
        new("Commands in other writers' records are remembered", "PartitionMemory.cs",
            "Remember(entry, new Remembered<TState>(command.Id, command.Fingerprint, outcome), command.Keyed && record.Position > entry.Covered, now);",
            ""),
        new("Time does not go back", "Batch.cs",
            "Math.Max(now.ToUnixTimeMilliseconds(), memory.Tail.Time)",
            "now.ToUnixTimeMilliseconds()"),
    }.Select(mutant => new TheoryDataRow<Mutant>(mutant));

    [Theory]
    [MemberData(nameof(Mutants))]
    public void A_broken_rule_is_found(Mutant mutant)
    {
        var found = mutant.FindSeed(MostSeeds);
        Assert.True(found is not null, $"{MostSeeds} schedules did not find out that this rule is broken: {mutant.Rule}");
        output.WriteLine($"{mutant.Rule}: seed {found.Value.Seed}: {found.Value.Finding}");
    }
}
