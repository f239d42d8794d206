using System.ComponentModel.DataAnnotations;

namespace Accounts.Processor.Operations;

/// <summary>A function at a glance.</summary>
internal sealed record FunctionBody
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it makes of events: rows, commands or messages.</summary>
    [AllowedValues("view", "policy", "publisher")]
    public required string Kind { get; init; }

    /// <summary>What it does: also while a generation is filled or takes over, the live one is fed.</summary>
    [AllowedValues("running", "paused", "rebuilding", "switching")]
    public required string State { get; init; }

    /// <summary>How many events it has not taken yet, about.</summary>
    public required long LagEvents { get; init; }

    /// <summary>Age of the oldest event that it has not taken yet; 0 when there is none.</summary>
    public required double LagSeconds { get; init; }
}

/// <summary>The functions.</summary>
/// <param name="Items">All there are, hosted by whichever deployment.</param>
internal sealed record FunctionListBody(IReadOnlyList<FunctionBody> Items);

/// <summary>A function in detail.</summary>
internal sealed record FunctionDetailBody
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it makes of events: rows, commands or messages.</summary>
    [AllowedValues("view", "policy", "publisher")]
    public required string Kind { get; init; }

    /// <summary>What it does: also while a generation is filled or takes over, the live one is fed.</summary>
    [AllowedValues("running", "paused", "rebuilding", "switching")]
    public required string State { get; init; }

    /// <summary>How many events it has not taken yet, about.</summary>
    public required long LagEvents { get; init; }

    /// <summary>Age of the oldest event that it has not taken yet; 0 when there is none.</summary>
    public required double LagSeconds { get; init; }

    /// <summary>How many accounts it holds back: see <c>/v1/parked</c>.</summary>
    public required int HeldAccounts { get; init; }

    /// <summary>Partition by partition.</summary>
    public required IReadOnlyList<PartitionBody> Partitions { get; init; }

    /// <summary>Of a view: its generations, the live one included.</summary>
    public IReadOnlyList<GenerationBody>? Generations { get; init; }

    /// <summary>The newest verification, if there was one.</summary>
    public Verification.VerificationRow? Verification { get; init; }
}

/// <summary>How far a function is in one partition.</summary>
internal sealed record PartitionBody
{
    /// <summary>The partition.</summary>
    public required int Partition { get; init; }

    /// <summary>Everything up to this position has taken effect.</summary>
    public required long Checkpoint { get; init; }

    /// <summary>The last position of the log.</summary>
    public required long Tail { get; init; }

    /// <summary>How many events are between them, about.</summary>
    public required long LagEvents { get; init; }

    /// <summary>Age of the oldest event between them; 0 when there is none.</summary>
    public required double LagSeconds { get; init; }

    /// <summary>What keeps it from going on, or kept it the last time.</summary>
    public string? LastError { get; init; }

    /// <summary>When that was, in epoch milliseconds.</summary>
    public long? LastErrorAt { get; init; }
}

/// <summary>One filling of a view.</summary>
internal sealed record GenerationBody
{
    /// <summary>Its id, part of the keys of its rows.</summary>
    public required string Id { get; init; }

    /// <summary>Version of the fold that fills it.</summary>
    public required int Fold { get; init; }

    /// <summary>What is made of it.</summary>
    [AllowedValues("live", "filling", "leading", "switched", "givingUp", "kept")]
    public required string State { get; init; }

    /// <summary>How many events are in it.</summary>
    public required long EventsDone { get; init; }

    /// <summary>Of how many, about.</summary>
    public required long EventsOf { get; init; }

    /// <summary>While it is filled: events a second since it was begun.</summary>
    public double? EventsPerSecond { get; init; }

    /// <summary>While it is filled: how long that will take yet.</summary>
    public double? SecondsLeft { get; init; }
}
